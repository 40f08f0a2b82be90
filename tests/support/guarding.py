"""What the tests of guards share."""

from __future__ import annotations

import os
from collections.abc import Sequence

import ddbcfg_client
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.status import Status
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.guards import Guard
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.shm import reading


class FakeSource:
    """Answers every poll with what ``now`` is, or raises ``error``."""

    def __init__(self) -> None:
        self.now = reading({})
        self.error: Exception | None = None

    def read(self, progress: Progress, **_: object) -> Reading:
        if self.error is not None:
            raise self.error
        return self.now


class Rig:
    """A refresher with guards, over real shared memory and a source that the test sets."""

    def __init__(self, names: Names, guards: Sequence[Guard]) -> None:
        self.source = FakeSource()
        self.publisher = Publisher(names)
        self.refresher = Refresher(
            self.source, self.publisher, 60.0, pid=os.getpid(), guards=guards
        )
        self.names = names

    def poll(self, now: Reading, *, scheduled: bool = True) -> Exception | None:
        self.source.now = now
        return self.refresher.poll(scheduled=scheduled)

    @property
    def status(self) -> Status:
        return ddbcfg_client.connect(self.names.namespace, self.names.store).status()

    @property
    def page(self) -> PageStatus:
        return Page(self.names, Trust()).status()

    @property
    def options(self) -> int:
        return len(ddbcfg_client.connect(self.names.namespace, self.names.store))
