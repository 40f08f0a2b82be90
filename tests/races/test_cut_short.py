"""Readers meet a publisher that takes memory back: they read what is right.

Or look at the page again: never SnapshotCorrupt, and SnapshotReclaimed only of a pinned snapshot
that reads on.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

import ddbcfg_client.page_follower
from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotReclaimed
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.racing import race
from support.shm import reading
from support.threads import running

READERS = 3
PUBLICATIONS = 4_000


@pytest.mark.timeout(120)
def test_no_reader_takes_what_is_being_taken_back_for_damaged(
    names: Names, record_property: Callable[[str, object], None]
) -> None:
    writer, *readers = race("starve", names, READERS, PUBLICATIONS, "attach")
    record_property("readers", readers)
    assert writer == {"publications": PUBLICATIONS, "generation": PUBLICATIONS}
    for counts in readers:
        assert (counts["torn"], counts["went_back"]) == (0, 0)
        assert counts["last"] == PUBLICATIONS
        assert counts["connected"] > 100
    assert sum(counts["reclaimed"] for counts in readers) > 0  # it was taken back under them


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "first"}, "other": {}}))
    yield publisher
    publisher.close()


def config_of(publisher: Publisher) -> Config:
    return Config(publisher.names, Trust())


def take_back(publisher: Publisher) -> None:
    while publisher._store.reclaim() is None:
        pass


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], None]], None]:
    """Has something done once, just before a reader calls what has that name in its module."""

    def install(name: str, act: Callable[[], None]) -> None:
        real = getattr(ddbcfg_client.page_follower, name)
        acts = [act]

        def call(*arguments: object) -> object:
            if acts:
                acts.pop()()
            return real(*arguments)

        monkeypatch.setattr(ddbcfg_client.page_follower, name, call)

    return install


def test_an_opener_that_meets_the_publishers_lease_looks_at_the_page_again(
    publisher: Publisher, between: Callable[[str, Callable[[], None]], None]
) -> None:
    heard: list[int] = []
    held: list[int] = []

    def replace_and_hold() -> None:
        publisher.publish(reading({"db": {"host": "second"}}))
        held.append(os.open(path_of(publisher.names.segment(1)), os.O_RDONLY))
        fcntl.fcntl(held[0], fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(held[0], fcntl.F_SETLEASE, fcntl.F_WRLCK)

    between("Segment", replace_and_hold)
    before = signal.signal(signal.SIGURG, lambda number, _: heard.append(number))
    try:
        assert config_of(publisher)["db"] == {"host": "second"}
    finally:
        os.close(held[0])
        signal.signal(signal.SIGURG, before)
    assert heard == [signal.SIGURG]  # it did meet it


def test_a_segment_that_is_cut_short_before_it_is_opened_is_no_damage(
    publisher: Publisher, between: Callable[[str, Callable[[], None]], None]
) -> None:
    held = config_of(publisher).snapshot()

    def replace_and_cut() -> None:
        publisher.publish(reading({"db": {"host": "second"}}))
        take_back(publisher)

    between("Segment", replace_and_cut)
    assert config_of(publisher)["db"] == {"host": "second"}
    with pytest.raises(SnapshotReclaimed):
        held["db"]


@pytest.mark.parametrize("times", [1, 5])
def test_a_read_whose_snapshot_is_cut_short_under_it_reads_the_next(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Also if that is cut short before it is read, several times."""
    config = config_of(publisher)
    assert config["other"] == {}
    really, left = Snapshot.__getitem__, [times]

    def getitem(snapshot: Snapshot, option: str) -> object:
        if left[0]:
            left[0] -= 1
            publisher.publish(reading({"db": {"host": str(left[0])}}))
            take_back(publisher)
        return really(snapshot, option)

    monkeypatch.setattr(Snapshot, "__getitem__", getitem)
    assert config["db"] == {"host": "0"}
    assert left == [0]


def test_a_segment_whose_mode_keeps_its_owner_from_writing_is_cut_short_all_the_same(
    publisher: Publisher,
) -> None:
    held = config_of(publisher).snapshot()
    path_of(publisher.names.segment(1)).chmod(0o440)
    publisher.publish(reading({"db": {"host": "second"}}))
    take_back(publisher)
    assert not path_of(publisher.names.segment(1)).exists()
    with pytest.raises(SnapshotReclaimed):
        held["db"]


def test_threads_of_one_reader_read_on_while_memory_is_taken_back(publisher: Publisher) -> None:
    config = config_of(publisher)
    failures: list[object] = []

    def read(stop: threading.Event) -> None:
        newest = 0
        while not stop.is_set():
            try:
                numbers = [int(config[name]["n"]) for name in ("a", "b", "a")]
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure
                failures.append(error)
                return
            if numbers != sorted(numbers) or numbers[0] < newest:
                failures.append(numbers)
            newest = numbers[-1]

    publisher.publish(reading({name: {"n": "1"} for name in "ab"}))
    with running(read, read, read, read):
        for number in range(2, 400):
            publisher.publish(reading({name: {"n": str(number)} for name in "ab"}))
            take_back(publisher)
    assert failures == []


def test_a_segment_that_is_gone_is_gone_also_when_it_is_opened_by_hand(
    publisher: Publisher,
) -> None:
    """Segment() itself: a truncated file is no damage."""
    path = path_of(publisher.names.segment(1))
    os.truncate(path, 0)
    with pytest.raises(ddbcfg_client.shm.trust.Gone):
        Segment(publisher.names.segment(1), 1, Trust())
