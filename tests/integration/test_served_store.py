"""A store's own fate: what is in its way is tried again, and is no other store's trouble (G4)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_daemon import served_store
from ddbcfg_daemon.errors import ForeignObject, WriterLocked
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.shm import reading

FOREIGN = ForeignObject("/page", "bob (uid 1001)", "a file")


class Source:
    """Reads the same each time; ``before`` may raise, ``polls`` counts."""

    def __init__(self) -> None:
        self.polls = 0
        self.before: Callable[[], None] = lambda: None

    def read(self, progress: Progress, **_: object) -> Reading:
        self.polls += 1
        self.before()
        return reading({"db": {"host": SECRET}})


class Rig:
    """A store over real shared memory, and a thread that serves it."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.source = Source()
        self.in_the_way: list[BaseException] = []
        self.events = threading.Condition()
        self.store = ServedStore(
            names,
            self.make,
            interval=60.0,
            end=lambda refresher: refresher.close(),
            on_event=self.event,
        )
        self.thread = threading.Thread(target=self.store.run)

    def make(self) -> Refresher:
        if self.in_the_way:
            raise self.in_the_way.pop(0)
        return Refresher(
            self.source, Publisher(self.names), 60.0, pid=os.getpid(), on_event=self.event
        )

    def event(self) -> None:
        with self.events:
            self.events.notify_all()

    def wait_for(self, is_it: Callable[[], bool]) -> None:
        with self.events:
            assert self.events.wait_for(is_it, 20)

    def end(self) -> None:
        self.store.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.store.close()


@pytest.fixture
def rig(names: Names, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr("ddbcfg_daemon.schedule.FIRST_RETRY", 0.001)
    made = Rig(names)
    yield made
    if made.thread.ident is not None:
        made.end()


def test_what_is_in_its_way_is_told_and_tried_again_until_it_goes_well(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.in_the_way = [FOREIGN, OSError(28, "No space left"), MemoryError(), FOREIGN]
    caplog.set_level(logging.INFO, "ddbcfg")
    assert not rig.store.settled
    assert "starting" in rig.store.summary
    rig.thread.start()
    rig.wait_for(lambda: rig.store.ready)
    assert rig.store.obstacle is None
    assert rig.store.settled
    assert "generation 1, 1 option" in rig.store.summary
    assert caplog.text.count("not served: /page is in the way: a file of bob (uid 1001)") == 2
    assert "not served: MemoryError" in caplog.text


def test_while_something_is_in_its_way_its_summary_says_so(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.schedule.FIRST_RETRY", 60.0)
    rig.in_the_way = [FOREIGN]
    rig.thread.start()
    rig.wait_for(lambda: rig.store.obstacle is FOREIGN)
    assert (rig.store.ready, rig.store.settled, rig.store.silence) == (False, True, 0.0)
    assert "not served: /page is in the way" in rig.store.summary
    # Who asks for a poll, as SIGHUP does, gets the next try at once.
    assert rig.store.nudge()
    rig.wait_for(lambda: rig.store.ready)


def test_a_store_that_another_daemon_took_is_let_go_and_tried_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.thread.start()
    rig.wait_for(lambda: rig.source.polls == 1 and rig.store.ready)
    refresher = rig.store.refresher
    assert refresher is not None

    def verify() -> list[str]:
        raise WriterLocked("prod", "/lock", 1)

    monkeypatch.setattr(refresher._publisher, "verify", verify)
    refresher.nudge()
    rig.wait_for(lambda: rig.store.refresher not in (None, refresher) and rig.store.ready)


def test_a_fault_of_the_daemon_is_logged_without_values_and_the_store_goes_on(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_once() -> None:
        if rig.source.polls == 1:
            raise ZeroDivisionError(SECRET)

    rig.source.before = fail_once
    rig.thread.start()
    rig.wait_for(lambda: rig.store.ready)
    assert "ZeroDivisionError at" in caplog.text
    assert "not served: ZeroDivisionError" in caplog.text
    assert SECRET not in caplog.text


def test_a_store_that_has_no_memory_left_has_failed_a_poll_and_no_more(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_once() -> None:
        if rig.source.polls == 2:
            raise MemoryError

    rig.source.before = fail_once
    rig.thread.start()
    rig.wait_for(lambda: rig.store.ready)
    refresher = rig.store.refresher
    assert refresher is not None
    refresher.nudge()
    rig.wait_for(lambda: refresher.status.failures == 1)
    assert "1 failed poll: MemoryError" in rig.store.summary
    assert rig.store.refresher is refresher
    rig.wait_for(lambda: refresher.status.failures == 0)


def test_nobody_waits_for_a_store_that_failed_three_times_in_a_row(rig: Rig) -> None:
    settled: list[tuple[int, bool]] = []

    def fail() -> None:
        settled.append((rig.source.polls, rig.store.settled))
        if rig.source.polls < 6:
            raise TableUnreachable("config", "Query", "EndpointConnectionError", "nobody is there")

    rig.source.before = fail
    rig.thread.start()
    rig.wait_for(lambda: rig.store.ready)
    assert settled == [(poll, poll > 3) for poll in range(1, 7)]


def test_a_pause_is_never_longer_than_a_minute(names: Names) -> None:
    rig = Rig(names)
    store = ServedStore(names, rig.make, interval=86400.0, end=lambda refresher: None)
    assert max(store._schedule.retry(50) for _ in range(200)) <= served_store._LONGEST_PAUSE


def test_stopping_while_something_is_in_its_way_ends_it_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.schedule.FIRST_RETRY", 60.0)
    rig.in_the_way = [FOREIGN]
    rig.thread.start()
    rig.wait_for(lambda: rig.store.obstacle is FOREIGN)
    rig.end()
    assert not Path(f"/dev/shm{rig.names.page}").exists()


def test_an_end_that_fails_is_not_the_end_of_the_store(rig: Rig) -> None:
    def end(refresher: Refresher) -> None:
        refresher.close()
        raise OSError(5, "Input/output error")

    def fail_once() -> None:
        if rig.source.polls == 1:
            raise ZeroDivisionError

    rig.store._end = end
    rig.source.before = fail_once
    rig.thread.start()
    rig.wait_for(lambda: rig.store.ready)
    rig.store._end = lambda refresher: refresher.close()
