"""A publisher whose requests are served, and a refresher that a test plays itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.poll_requests import Asked, Outcome, PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_server import RequestServer
from ddbcfg_daemon.sources.base import Reading

PATIENCE = 20.0  # seconds


class Served:
    """One store: its publisher, the requests for polls of it, and the server that takes them."""

    def __init__(self, names: Names, server: RequestServer, access: Access | None = None) -> None:
        self.names = names
        self.server = server
        self.polls = PollRequests()
        self.publisher = Publisher(names, access, listen=server.listener(self.polls))

    def await_request(self) -> None:
        """Return when somebody asked for a poll."""
        deadline = time.monotonic() + PATIENCE
        while not self.polls.pending:
            assert time.monotonic() < deadline
            self.polls.wait(PATIENCE)

    def poll(self, reading: Reading | None = None, *, held: str = "", error: str = "") -> Asked:
        """Do what the refresher does; return what was asked for."""
        asked = self.polls.begin()
        published = reading is not None and self.publisher.publish(reading)
        self.publisher.report(PageStatus(error=error))
        self.polls.end(Outcome(self.publisher.generation, published, held, error))
        return asked

    @contextmanager
    def polling(self, *arguments: Any, **keywords: Any) -> Iterator[None]:
        """Poll like this as soon as somebody asks, in a thread."""

        def daemon() -> None:
            self.await_request()
            self.poll(*arguments, **keywords)

        thread = Thread(target=daemon)
        thread.start()
        try:
            yield
        finally:
            thread.join()


@contextmanager
def serving(names: Names, access: Access | None = None) -> Iterator[Served]:
    """A store that is served like this."""
    with RequestServer() as server:
        served = Served(names, server, access)
        try:
            yield served
        finally:
            served.publisher.close()
