"""G7, honest: a reader that cannot take up what is published says so, and is not held up.

It lost its right to (setuid), its last descriptor, or the sight of /dev/shm (chroot).  Then it goes
on with what it has, which grows old, and tries again once a second.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import resource
import threading
import time
from ast import literal_eval
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
import ddbcfg_client.shm.page
import ddbcfg_client.shm.segment
import ddbcfg_client.shm.status
from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotPermissionError, SnapshotTooStale
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.trust import open_trusted
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.forking import Child
from support.shm import reading
from support.waiting import wait_until

NOBODY = 65534
THREADS = 8
SECOND = 10**9
MAX_AGE = 5.0  # a second more than the age of the first generation

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher whose first generation was last confirmed four seconds ago."""
    publisher = Publisher(names)
    publish(publisher, "first")
    publisher.report(PageStatus(success=boottime() - 4 * SECOND))
    yield publisher
    publisher.close()


def publish(publisher: Publisher, host: str) -> None:
    publisher.publish(reading({"db": {"host": host}, "other": {"of": host}}))
    publisher.report(PageStatus(success=boottime()))


def boottime() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


# --- how a process can be kept away, and what the test does that it is let in again ---------------


def by_setuid(folder: Path) -> Callable[[], None]:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    return lambda: None  # the test opens the segment to all


def by_descriptors(folder: Path) -> Callable[[], None]:
    gc.collect()
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def by_chroot(folder: Path) -> Callable[[], None]:
    root = os.open("/", os.O_RDONLY)
    os.chroot(folder)

    def back() -> None:
        os.fchdir(root)
        os.chroot(".")

    return back


WAYS = {
    "setuid": (by_setuid, "no permission to read .*"),
    "no descriptor": (by_descriptors, ".*it cannot be opened .Too many open files."),
    "chroot": (by_chroot, ".*this process has another /dev/shm now .for example after a chroot."),
}


class Log(logging.Handler):
    """The lines that were logged, by level."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        logging.getLogger("ddbcfg").addHandler(self)
        logging.getLogger("ddbcfg").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


class Tries:
    """Notes when this process tries to open a segment or a page."""

    def __init__(self) -> None:
        self.times: list[float] = []

        def counted(*arguments: Any) -> Any:
            self.times.append(time.monotonic())
            return open_trusted(*arguments)

        for module in (ddbcfg_client.shm.page, ddbcfg_client.shm.segment):
            vars(module)["open_trusted"] = counted

    def seconds(self) -> list[float]:
        """Return when each try began; what it opens one after the other is one."""
        gaps = [later for sooner, later in pairwise(self.times) if later - sooner > 0.3]
        return [*self.times[:1], *gaps]


def is_stale(config: Config) -> bool:
    try:
        config["db"]
    except SnapshotTooStale:
        return True
    return False


def staleness(config: Config) -> bool:
    """Whether it is stale, which it must be from its ``max_age`` on."""
    sooner, stale, later = config.age, is_stale(config), config.age
    assert sooner is not None
    assert later is not None
    if stale:
        assert later >= MAX_AGE
    else:
        assert sooner < MAX_AGE + 0.02  # the hot path's clock is some ms late
    return stale


def one_reader(names: Names, way: str, folder: Path) -> Iterator[Any]:
    """What a reader sees that is kept away; the test does something between two steps."""
    log, tries = Log(), Tries()
    config = ddbcfg_client.connect(names.namespace, names.store)
    aging = ddbcfg_client.connect(names.namespace, names.store, max_age=MAX_AGE)
    assert config["db"] == {"host": "first"}
    staleness(aging)  # it may be already: this host may be slow
    let_in = WAYS[way][0](folder)
    yield None
    # There is a second generation.
    del tries.times[:], log.lines[:]
    before = config.age
    assert before is not None
    assert before >= 4
    staleness(aging)  # it may be already: this host may be slow
    assert config["db"] == {"host": "first"}
    assert config["other"] == {"of": "first"}  # had not been read before
    deadline = time.monotonic() + 20
    while len(tries.seconds()) < 2 and time.monotonic() < deadline:
        assert config["db"] == {"host": "first"}
    starts = tries.seconds()
    status = config.status()
    yield {
        "stale": staleness(aging),  # so it is after a second
        "error": status.reader_error,
        "generations": (status.generation, status.published, config.generation),
        "grown": (config.age or 0) - before,
        "status age": (status.age or 0) - before,
        "gaps": [later - sooner for sooner, later in pairwise(starts)],
        "said": [line for line in log.lines if "cannot load" in line],
    }
    del log.lines[:]
    let_in()
    wait_until(lambda: config["db"] == {"host": "second"})
    wait_until(lambda: not is_stale(aging))
    yield {
        "error": config.status().reader_error,
        "age": config.age,
        "said": log.lines,
        "other": config["other"],
    }


@pytest.mark.parametrize("way", WAYS)
def test_a_reader_that_is_kept_away_says_so_and_comes_back_by_itself(
    publisher: Publisher, way: str, tmp_path: Path
) -> None:
    steps = one_reader(publisher.names, way, tmp_path)
    child = Child(lambda: next(steps))
    child.act()
    publish(publisher, "second")
    found = literal_eval(child.act())
    assert found["stale"]
    assert found["generations"] == (1, 2, 1)
    assert re.match(WAYS[way][1], found["error"])
    assert 0.9 < found["grown"] < 15
    assert 0.9 < found["status age"] < 15
    assert len(found["gaps"]) >= 1
    assert all(gap > 0.9 for gap in found["gaps"])
    assert len(found["said"]) == 2  # each of the two readers once
    assert all(re.match("WARNING .*serving generation 1", line) for line in found["said"])
    path_of(publisher.names.segment(2)).chmod(0o644)
    found = literal_eval(child.act())
    child.end()
    assert found["error"] is None
    assert found["age"] < 15
    assert found["other"] == {"of": "second"}
    assert sorted(line.split()[0] for line in found["said"]) == ["INFO", "INFO"]


def cut_short(names: Names) -> Iterator[Any]:
    tries = Tries()
    config = ddbcfg_client.connect(names.namespace, names.store)
    assert config["db"]
    by_setuid(Path("/"))
    yield None
    assert config["db"] == {"host": "first"}
    del tries.times[:]
    errors = set()
    for _ in range(100):
        try:
            config["other"]
        except SnapshotPermissionError as error:
            errors.add(str(error))
    yield len(errors), errors.pop(), len(tries.times), config["db"]
    wait_until(lambda: config["db"] == {"host": "second"})
    yield config["other"]


def test_kept_away_and_cut_short_it_says_why_it_has_nothing_to_read(publisher: Publisher) -> None:
    """The memory of what it holds was taken back: it has only what it read before."""
    steps = cut_short(publisher.names)
    child = Child(lambda: next(steps))
    child.act()
    publish(publisher, "second")
    while publisher._store.reclaim() is None:
        pass
    count, error, tries, read_before = literal_eval(child.act())
    assert count == 1
    assert "no permission to read" in error
    assert tries <= 2  # not one for each read
    assert read_before == {"host": "first"}
    path_of(publisher.names.segment(2)).chmod(0o644)
    assert literal_eval(child.act()) == {"of": "second"}
    child.end()


def several_threads(names: Names) -> Iterator[Any]:
    log = Log()
    config = ddbcfg_client.connect(names.namespace, names.store)
    assert config["db"]
    by_setuid(Path("/"))
    yield None
    failures: list[object] = []
    start = threading.Barrier(THREADS)

    def read() -> None:
        start.wait()
        deadline = time.monotonic() + 1.5  # one try more
        while time.monotonic() < deadline:
            if config["db"] != {"host": "first"} or config.generation != 1:
                failures.append(config["db"])

    threads = [threading.Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield failures, log.lines
    # A child goes on like its parent, and by itself.
    grandchild = Child(lambda: (config["db"]["host"], config.status().reader_error is None))
    yield grandchild.act()
    wait_until(lambda: config["db"] == {"host": "second"})
    wait_until(lambda: grandchild.act() == repr(("second", True)))
    grandchild.end()
    yield "both are back"


def test_of_several_threads_one_says_it_and_a_child_goes_on_alike(publisher: Publisher) -> None:
    steps = several_threads(publisher.names)
    child = Child(lambda: next(steps))
    child.act()
    publish(publisher, "second")
    failures, lines = literal_eval(child.act())
    assert failures == []
    assert len(lines) == 1
    assert literal_eval(literal_eval(child.act())) == ("first", False)
    path_of(publisher.names.segment(2)).chmod(0o644)
    assert literal_eval(child.act()) == "both are back"
    child.end()
