"""A host with a copy on disk, for the tests of that copy."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

import ddbcfg_client
from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.copy_format import Content
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.generations import Generations
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.guards import ShrinkGuard
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.shm import objects_of, reading

AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing responds there")


OPTIONS = {"db": {"host": SECRET, "port": 5432, "tags": {"a"}}, "empty": {}, "größe": {"b": b"\0"}}


class Clocks:
    """The clocks that ``moment`` reads, as a host has them that can be booted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = 1_800_000_000 * 10**9
        self.up = 10**12
        self.boots = 1
        monkeypatch.setattr("ddbcfg_daemon.disk.moment.boot_id", lambda: bytes([self.boots] * 16))
        monkeypatch.setattr("ddbcfg_daemon.disk.moment.boottime", lambda: self.up)
        monkeypatch.setattr("ddbcfg_daemon.disk.moment.time.time_ns", lambda: self.wall)

    def pass_by(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)
        self.up += round(seconds * 1e9)

    def boot(self) -> None:
        """The host was off for ten minutes, and has been up for 30 seconds now."""
        self.wall += 630 * 10**9
        self.up = 30 * 10**9
        self.boots += 1


class Host:
    """One host over its boots: shared memory goes with each, the folder stays.

    ``keep`` is the number of generations that it keeps; None if that is not wanted at all.
    """

    def __init__(self, folder: Path, names: Names, clocks: Clocks, keep: int | None = None) -> None:
        self.folder = folder
        self.keep = keep
        self.names = names
        self.clocks = clocks
        self.now: Reading | Exception = AWAY
        self._publishers: list[Publisher] = []
        self.start()

    def boot(self) -> None:
        self.stop()
        for path in objects_of(self.names):
            path.unlink()
        self.clocks.boot()
        self.start()

    def start(self) -> None:
        publisher = Publisher(self.names)
        self._publishers = [publisher]
        self.disk = DiskCopy(self.folder, self.names)
        self.generations = None
        if self.keep is not None:
            self.generations = Generations(self.folder, self.names, limit=self.keep)
        self.copy = CopyKeeper(self.disk, self.generations)
        self.refresher = Refresher(
            self, publisher, 60.0, pid=os.getpid(), copy=self.copy, guards=[ShrinkGuard()]
        )

    def stop(self) -> None:
        for publisher in self._publishers:
            publisher.close()

    def read(self, progress: Progress, **_: object) -> Reading:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def poll(self, now: Reading | Exception) -> Exception | None:
        self.now = now
        error = self.refresher.poll()
        assert self.copy.wait(20)
        return error

    @property
    def config(self) -> ddbcfg_client.Config:
        return ddbcfg_client.connect(self.names.namespace, self.names.store)

    @property
    def age(self) -> float | None:
        return self.config.status().age

    @property
    def file(self) -> Path:
        (file,) = self.disk.path.parent.iterdir()
        return file


def many(count: int) -> Reading:
    return reading({f"option-{number:02}": {"secret": SECRET} for number in range(count)})


def ignored(host: Host, caplog: pytest.LogCaptureFixture) -> str:
    """What is logged when the copy is not believed; nothing is served then."""
    host.boot()
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        host.poll(AWAY)
    assert not host.refresher.ready
    assert SECRET not in caplog.text
    return caplog.text


def content(generation: int, read_at: int = 1, confirmed: Moment | None = None) -> Content:
    confirmed = confirmed or Moment.now()
    return Content(reading(OPTIONS).options, generation, "00" * 32, read_at, confirmed)
