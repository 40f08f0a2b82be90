"""Fixtures of the tests in this folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from support.client_cli import Answers, Client, Publish, running
from support.daemon import PATIENCE, Host
from support.request_serving import serving
from support.shm import reading


@pytest.fixture
def publish(host: Host) -> Iterator[Publish]:
    """Publishes options in a store of this host, as its daemon; says which publisher did."""
    made: dict[str, Publisher] = {}

    def publish(options: Mapping[str, Mapping[str, Any]], store: str = "prod") -> Publisher:
        if store not in made:
            made[store] = Publisher(host.names(store))
            made[store].report(running())
        made[store].publish(reading(options))
        return made[store]

    yield publish
    for publisher in made.values():
        publisher.close()


@pytest.fixture
def start(host: Host) -> Iterator[Callable[..., Client]]:
    """Starts clients, which end with the test at the latest."""
    started: list[Client] = []

    def start(*arguments: str) -> Client:
        started.append(Client(host, *arguments))
        return started[-1]

    yield start
    for client in started:
        client.process.kill()
        client.process.communicate()


@pytest.fixture
def source(host: Host) -> Iterator[Answers]:
    """What the store's daemon will read; it polls once and then only when it is asked."""
    source = Answers()
    with serving(host.names()) as served:
        refresher = Refresher(
            source, served.publisher, 86400, pid=os.getpid(), requests=served.polls
        )
        polled = threading.Event()
        refresher._on_event = polled.set
        thread = threading.Thread(target=refresher.run)
        thread.start()
        assert polled.wait(PATIENCE)
        yield source
        refresher.stop()
        thread.join(PATIENCE)
