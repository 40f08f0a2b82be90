"""Stores over real shared memory whose source says what the test sets."""

from __future__ import annotations

import os

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.guards import ShrinkGuard
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.sources.base import Progress, Reading
from support.shm import reading


class Served:
    """A store, and the refresher that serves it; ``now`` is what its source reads, or raises."""

    def __init__(self, namespace: str, store: str = "prod", interval: float = 60.0) -> None:
        self.now: Reading | Exception = reading({"db": {}})
        self.refresher = Refresher(
            self,
            Publisher(Names(namespace, store)),
            interval,
            pid=os.getpid(),
            guards=[ShrinkGuard()],
        )
        self.store = ServedStore(
            self.refresher.names,
            lambda: self.refresher,
            interval=interval,
            end=lambda refresher: refresher.close(),
        )
        self.store.refresher = self.refresher

    def read(self, progress: Progress, **_: object) -> Reading:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def poll(self, now: Reading | Exception | None = None) -> None:
        """Poll once; the source reads this from now on."""
        self.now = self.now if now is None else now
        self.refresher.poll()
