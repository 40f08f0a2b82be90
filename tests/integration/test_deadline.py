"""One deadline for a whole reading, whatever hangs in it."""

from __future__ import annotations

import os
import pickle
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.status import process_start
from ddbcfg_daemon.errors import PollTimeout
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import STUCK
from ddbcfg_daemon.sources import deadline
from ddbcfg_daemon.sources.base import Progress, Reading
from ddbcfg_daemon.sources.cancellation import pause
from ddbcfg_daemon.sources.deadline import MOST_ABANDONED, DeadlineSource
from support.shm import reading
from support.waiting import wait_until

SOON = 0.05  # seconds
LATE = 20.0
DB = reading({"db": {"host": "a"}})
AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing responds there")


class Scripted:
    """Does at each reading the next of what it was given."""

    def __init__(self, *does: Callable[[Progress], Reading]) -> None:
        self.does = list(does)
        self.threads: list[threading.Thread] = []

    def read(self, progress: Progress, **_: object) -> Reading:
        self.threads.append(threading.current_thread())
        return self.does.pop(0)(progress)


def answers(progress: Progress) -> Reading:
    progress()
    return DB


def fails(progress: Progress) -> Reading:
    raise AWAY


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Ends the readings that hang."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def hangs(released: threading.Event) -> Callable[[Progress], Reading]:
    """A reading that hangs until it is released, and then returns something old."""

    def hang(progress: Progress) -> Reading:
        assert released.wait(LATE)
        return reading({"old": {"host": "a"}})

    return hang


def test_what_the_source_returns_or_raises_comes_through() -> None:
    source = DeadlineSource(Scripted(answers, fails, answers), LATE)
    assert source.read(lambda: None) is DB
    with pytest.raises(TableUnreachable) as caught:
        source.read(lambda: None)
    assert caught.value is AWAY
    assert source.read(lambda: None) is DB


def test_a_reading_that_hangs_fails_at_the_deadline_and_is_not_used_later(
    hangs: Callable[[Progress], Reading], released: threading.Event
) -> None:
    scripted = Scripted(hangs, answers, answers)
    source = DeadlineSource(scripted, SOON)
    reason = r"0\.05 s \(--poll-timeout\) and no page was received"
    with pytest.raises(PollTimeout, match=reason) as caught:
        source.read(lambda: None)
    assert pickle.loads(pickle.dumps(caught.value)).args == (SOON, 0, 0)
    source = DeadlineSource(scripted, LATE)
    assert source.read(lambda: None) is DB
    released.set()
    scripted.threads[0].join(LATE)
    assert source.read(lambda: None) is DB


def test_the_pause_between_two_readings_that_have_to_agree_is_not_counted(
    hangs: Callable[[Progress], Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "AGREED", 0.4)

    def pauses(seconds: float, then: Callable[[Progress], Reading]) -> Scripted:
        def read(progress: Progress) -> Reading:
            pause(seconds)
            return then(progress)

        return Scripted(read)

    assert DeadlineSource(pauses(0.4, answers), 0.2).read(lambda: None) is DB
    with pytest.raises(PollTimeout):
        DeadlineSource(pauses(0.4, hangs), SOON).read(lambda: None)
    # No other pause is as long.  One that is ends with the reading.
    scripted = pauses(LATE, answers)
    with pytest.raises(PollTimeout):
        DeadlineSource(scripted, SOON).read(lambda: None)
    scripted.threads[0].join(LATE / 2)
    assert not scripted.threads[0].is_alive()


def test_the_refreshers_loop_is_alive_while_a_reading_hangs(
    hangs: Callable[[Progress], Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long --poll-timeout is, the watchdog judges the loop, not the reading.
    assert deadline._PROGRESS_EVERY < STUCK / 10
    monkeypatch.setattr(deadline, "_PROGRESS_EVERY", 0.01)
    calls: list[int] = []
    with pytest.raises(PollTimeout):
        DeadlineSource(Scripted(hangs), 0.2).read(lambda: calls.append(1))
    assert 5 <= len(calls) <= 20


def test_pages_that_come_without_end_are_cut_off_and_end_the_thread() -> None:
    trickles = threading.Event()

    def trickle(progress: Progress) -> Reading:
        while not trickles.wait(0.001):
            progress()
        raise AssertionError

    scripted = Scripted(trickle)
    with pytest.raises(PollTimeout, match=r"--poll-timeout\); \d+ pages received") as caught:
        DeadlineSource(scripted, SOON).read(lambda: None)
    assert caught.value.pages > 1
    scripted.threads[0].join(LATE)
    assert not scripted.threads[0].is_alive()


def test_readings_that_hang_are_bounded_and_none_is_started_past_the_bound(
    hangs: Callable[[Progress], Reading], released: threading.Event
) -> None:
    scripted = Scripted(*[hangs] * MOST_ABANDONED, answers)
    source = DeadlineSource(scripted, SOON)
    for _ in range(MOST_ABANDONED):
        with pytest.raises(PollTimeout):
            source.read(lambda: None)
    for _ in range(5):
        with pytest.raises(PollTimeout, match="3 earlier readings still hang"):
            source.read(lambda: None)
    assert len(scripted.threads) == MOST_ABANDONED
    released.set()
    for thread in scripted.threads:
        thread.join(LATE)
    assert source.read(lambda: None) is DB


def test_without_a_thread_the_poll_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    source = DeadlineSource(Scripted(answers), LATE)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OSError, match="can't start new thread"):
            source.read(lambda: None)
    assert source.read(lambda: None) is DB


def test_a_helper_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    # The second process holds the pipe that is read, as a credential_process in a script does.
    script = f'trap "" TERM; sleep 600 & echo "$$ $!" > {pids}; wait; wait'
    started: list[int] = []

    def run_helper(progress: Progress) -> Reading:
        with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as helper:
            started.extend(map(int, pids.read_text().split()))
            helper.communicate()
        return DB

    scripted = Scripted(run_helper)
    source = DeadlineSource(scripted, LATE)
    caught: list[PollTimeout] = []

    def read() -> None:
        with pytest.raises(PollTimeout) as error:
            source.read(lambda: None)
        caught.append(error.value)

    source._timeout = 0.5
    read()
    scripted.threads[0].join(LATE)
    assert not scripted.threads[0].is_alive()
    assert len(started) == 2
    wait_until(lambda: not any(map(process_start, started)))


def test_a_poll_that_hangs_has_failed_and_readers_can_see_why(
    names: Names, hangs: Callable[[Progress], Reading]
) -> None:
    publisher = Publisher(names)
    source = DeadlineSource(Scripted(answers, hangs, answers), LATE)
    refresher = Refresher(source, publisher, 60.0, pid=os.getpid())
    assert refresher.poll() is None
    source._timeout = SOON
    assert isinstance(refresher.poll(), PollTimeout)
    assert "--poll-timeout" in refresher.status.error
    assert (publisher.generation, refresher.status.failures) == (1, 1)
    source._timeout = LATE
    assert refresher.poll() is None
    assert (publisher.generation, refresher.status.error) == (1, "")
    publisher.close()
