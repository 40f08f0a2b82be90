"""The refresher: when it polls, and what it says when a poll fails (G4, G7, G10)."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from statistics import mean
from typing import Any

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.clock import boottime
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon import refresher as module
from ddbcfg_daemon.errors import SourceUnusable, WriterLocked
from ddbcfg_daemon.guards import GuardRefused
from ddbcfg_daemon.outputs.log_writer import LineFormatter
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import SECRET
from support.shm import reading

INTERVAL = 60.0
AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing answers there")
WRONG_KEYS = SourceUnusable("MisconfiguredSchemaException", "hash key 'a' expected")
DB = reading({"db": {"host": SECRET}})


class FakeSource:
    """Answers each poll with the next of what it was given; an exception is raised."""

    def __init__(self, *answers: Reading | BaseException) -> None:
        self.answers = list(answers)
        self.during: Callable[[Progress], None] = lambda progress: None

    def read(self, progress: Progress) -> Reading:
        self.during(progress)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    made = Publisher(names)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")


def refresher_of(publisher: Publisher, *answers: Reading | BaseException) -> Refresher:
    return Refresher(FakeSource(*answers), publisher, INTERVAL, pid=os.getpid())


def skipping(*skipped: str) -> Reading:
    return Reading(DB.options, DB.read_at, skipped=skipped)


# --- when ----------------------------------------------------------------------------------------


def spread(draw: Callable[[], float], low: float, high: float) -> list[float]:
    """2,000 draws, after seeing that they fill the whole range and nothing else."""
    drawn = [draw() for _ in range(2000)]
    assert all(low <= value <= high for value in drawn)
    # Each tenth of the range gets its share, 200, give or take six standard deviations.
    width = (high - low) / 10
    tenths = [min(int((value - low) / width), 9) for value in drawn]
    assert all(120 < tenths.count(tenth) < 280 for tenth in range(10))
    return drawn


def test_the_second_poll_comes_at_a_random_phase_of_the_interval(publisher: Publisher) -> None:
    refresher = refresher_of(publisher)

    def first_pause() -> float:
        refresher._schedule._phased = False
        return refresher._pause(None)

    spread(first_pause, 0.0, INTERVAL)


def test_later_polls_come_after_the_interval_ten_percent_more_or_less(
    publisher: Publisher,
) -> None:
    refresher = refresher_of(publisher)
    refresher._pause(None)
    drawn = spread(lambda: refresher._pause(None), INTERVAL * 0.9, INTERVAL * 1.1)
    assert mean(drawn) == pytest.approx(INTERVAL, rel=0.01)


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(1, 2), (2, 4), (3, 8), (5, 32), (6, INTERVAL), (7, INTERVAL), (10**6, INTERVAL)],
)
def test_tries_after_failures_come_later_and_later_up_to_the_interval(
    publisher: Publisher, failures: int, longest: float
) -> None:
    refresher = refresher_of(publisher)
    refresher._status.failures = failures
    spread(lambda: refresher._pause(AWAY), longest / 2, longest)


def test_an_interval_shorter_than_the_first_retry_is_kept(publisher: Publisher) -> None:
    refresher = Refresher(FakeSource(), publisher, 0.5, pid=os.getpid())
    refresher._status.failures = 1
    assert all(refresher._pause(AWAY) <= 0.5 for _ in range(100))


def test_failures_before_it_do_not_use_up_the_random_phase(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    monkeypatch.setattr(random, "uniform", uniform)
    refresher = refresher_of(publisher)
    for error in (AWAY, None, AWAY, None):
        refresher._pause(error)
    assert drawn == [(0.5, 1.0), (0.0, INTERVAL), (0.5, 1.0), (0.9, 1.1)]


def test_a_poll_that_is_asked_for_comes_at_once_but_a_second_after_the_last_one(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = refresher_of(publisher, DB)
    refresher.poll()
    refresher._set_due(None, scheduled=True)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        refresher._status.poll_started -= round(seconds * 1e9)

    monkeypatch.setattr(refresher._requests, "wait", wait)
    refresher._due = boottime() + 10**12
    refresher.nudge()
    assert refresher._sleep() is False
    assert 0.5 < sum(waited) <= 1.0
    waited.clear()
    assert refresher._sleep() is False
    assert waited == []


def test_many_who_ask_while_it_sleeps_get_one_poll(publisher: Publisher) -> None:
    refresher = refresher_of(publisher, DB, DB)
    refresher._due = boottime() + 10**12
    assert [refresher.nudge() for _ in range(50)] == [True] + [False] * 49
    assert refresher._sleep() is False
    refresher.poll(scheduled=False)
    assert refresher.nudge() is True


def test_polls_that_are_asked_for_do_not_put_off_the_scheduled_ones(publisher: Publisher) -> None:
    refresher = refresher_of(publisher)
    refresher._set_due(None, scheduled=True)
    due = refresher._due
    refresher._set_due(None, scheduled=False)
    refresher._set_due(GuardRefused("shrink", "all gone"), scheduled=False)
    assert refresher._due == due
    # But one that failed is tried again soon, as any other.
    refresher._due = boottime() + round(1000 * INTERVAL) * 10**9
    refresher._status.failures = 1
    refresher._set_due(AWAY, scheduled=False)
    assert refresher._due <= boottime() + 2 * 10**9


def test_the_loop_knows_which_polls_are_scheduled(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FORCED_GAP", 0.0)
    refresher = refresher_of(publisher)
    polls: list[bool] = []

    def poll(*, scheduled: bool) -> None:
        refresher._requests.begin()
        polls.append(scheduled)
        if len(polls) == 1:
            refresher.nudge()
        elif len(polls) == 2:
            refresher._due = boottime()  # as after its pause
        else:
            refresher.stop()

    monkeypatch.setattr(refresher, "poll", poll)
    refresher.run()
    assert polls == [True, False, True]


# --- the watchdog --------------------------------------------------------------------------------


def test_silence_grows_while_a_poll_hangs_and_not_while_it_gets_on_or_sleeps(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [10**12]
    monkeypatch.setattr(module, "boottime", lambda: clock[0])
    refresher = refresher_of(publisher, DB)
    seen: list[float] = []

    def during(progress: Progress) -> None:
        for step in ("hangs", "gets on"):
            clock[0] += 130 * 10**9
            if step == "gets on":
                progress()
            seen.append(refresher.silence)

    source = refresher._source
    assert isinstance(source, FakeSource)
    source.during = during
    refresher.poll()
    assert seen == [130.0, 0.0]

    # It means to sleep for an hour: that is no silence; two hours are one of an hour.
    refresher._due = clock[0] + 3600 * 10**9
    refresher._sleeping = True
    clock[0] += 3000 * 10**9
    assert refresher.silence == 0
    clock[0] += 4200 * 10**9
    assert refresher.silence == 3600


def test_a_poll_that_is_asked_for_and_hangs_is_not_hidden_by_the_time_of_the_next(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = refresher_of(publisher, DB)
    refresher._due = boottime() + 3600 * 10**9
    refresher.nudge()
    assert refresher._sleep() is False
    now = boottime() + 170 * 10**9
    monkeypatch.setattr(module, "boottime", lambda: now)
    assert 169 < refresher.silence < 171


# --- what it tells -------------------------------------------------------------------------------


def page_of(publisher: Publisher) -> Any:
    return Page(publisher.names, Trust()).status()


def test_a_failed_poll_is_counted_and_told_and_the_first_success_ends_that(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = refresher_of(publisher, AWAY, DB, AWAY, OSError(28, "No space left"), DB)
    assert refresher.poll() is AWAY
    assert not refresher.ready
    assert "nothing is published yet" in caplog.text
    assert str(AWAY) in caplog.text

    assert refresher.poll() is None
    assert refresher.ready
    assert "polls succeed again after 1 failures" in caplog.text
    success = page_of(publisher).success

    assert refresher.poll() is AWAY
    assert isinstance(refresher.poll(), OSError)
    assert "poll 2 failed" in caplog.text
    assert "still serving generation 1, 0 s old" in caplog.text
    status = page_of(publisher)
    assert (status.failures, status.polls, status.success) == (2, 4, success)
    assert "No space left" in status.error
    assert "generation 1, 1 options, 2 failed polls: " in refresher.summary

    assert refresher.poll() is None
    status = page_of(publisher)
    assert (status.failures, status.error) == (0, "")
    assert status.success > success
    assert publisher.generation == 1
    assert "generation 1, 1 options" in refresher.summary
    assert SECRET not in caplog.text


def test_the_first_snapshot_has_an_age_from_the_moment_on_that_readers_see_it(
    names: Names,
) -> None:
    seen: list[tuple[int, float | None]] = []
    config = Config(names, Trust(), max_age=60)

    def at(step: str) -> None:
        if step == "release":  # announced a moment ago
            seen.append((config.generation, config.age))
            assert config.get("db") == {"host": SECRET}

    publisher = Publisher(names, at=at)
    refresher_of(publisher, reading({"db": {"host": SECRET}})).poll()
    publisher.close()
    [(generation, age)] = seen
    assert generation == 1
    assert age is not None
    assert age < 30


def test_a_change_is_logged_once_by_name_and_no_change_not_at_all(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    before = reading({"a": {"k": SECRET}, "b": {"k": 1}, "c": {"k": 1}})
    after = reading({"a": {"k": SECRET + "!"}, "b": {"k": 1}, "d": {"k": 1}})
    refresher = refresher_of(publisher, before, before, after, after)
    for _ in range(4):
        refresher.poll()
    first, second = caplog.messages
    assert "generation 1: 3 options" in first
    assert "changed" not in first
    assert second.endswith("; changed a; added d; removed c")
    assert "generation 2: 3 options" in second
    assert SECRET not in caplog.text


def test_a_log_line_names_no_more_than_a_few_options(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    many = {f"option-{number:02}": {"k": 1} for number in range(20)}
    refresher = refresher_of(publisher, DB, reading(many))
    refresher.poll()
    refresher.poll()
    assert "added option-00, option-01" in caplog.text
    assert "option-07 and 12 more; removed db" in caplog.text


def test_skipped_items_are_counted_at_every_poll_and_named_once(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    refresher = refresher_of(
        publisher, skipping("{'N': '5'}"), skipping("{'N': '5'}", "{'N': '6'}"), skipping()
    )
    for skipped in (1, 2, 0):
        refresher.poll()
        assert page_of(publisher).skipped == skipped
    assert caplog.text.count("{'N': '5'}") == 1
    assert caplog.text.count("{'N': '6'}") == 1


# --- what ends it --------------------------------------------------------------------------------


def test_wrong_keys_end_it_and_every_reader_can_see_why(publisher: Publisher) -> None:
    refresher = refresher_of(publisher, WRONG_KEYS)
    refresher.run()
    assert refresher.failure is WRONG_KEYS
    assert page_of(publisher).error == str(WRONG_KEYS)


def test_another_daemon_that_took_over_ends_it_and_the_page_is_left_alone(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = refresher_of(publisher)
    taken = WriterLocked("prod", "/lock", 1)

    def verify() -> list[str]:
        raise taken

    monkeypatch.setattr(publisher, "verify", verify)
    before = bytes(publisher._store.page._bytes)
    refresher.run()
    assert refresher.failure is taken
    assert bytes(publisher._store.page._bytes) == before


def test_a_fault_of_its_own_ends_it_with_a_traceback_without_values(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[int] = []
    source = FakeSource(ZeroDivisionError(SECRET))
    refresher = Refresher(
        source, publisher, INTERVAL, pid=os.getpid(), on_event=lambda: events.append(1)
    )
    refresher.run()
    assert isinstance(refresher.failure, ZeroDivisionError)
    assert events
    assert "ZeroDivisionError at" in caplog.text
    said = LineFormatter(with_time=False).format(caplog.records[-1])
    assert "test_refresher.py" in said
    assert SECRET not in said
    assert SECRET not in caplog.text


@pytest.mark.parametrize("answer", [DB, AWAY], ids=["answered", "failed"])
def test_a_poll_that_ends_after_the_publisher_was_closed_is_no_fault(
    publisher: Publisher, caplog: pytest.LogCaptureFixture, answer: Reading | BaseException
) -> None:
    # As when SIGTERM comes while DynamoDB hangs.
    refresher = refresher_of(publisher, answer)

    def during(progress: Progress) -> None:
        refresher.stop()
        publisher.close()

    source = refresher._source
    assert isinstance(source, FakeSource)
    source.during = during
    refresher.run()
    assert refresher.failure is None
    assert publisher.generation == 0
    assert "CRITICAL" not in caplog.text
    assert "closed" not in caplog.text


def test_stop_ends_its_sleep(publisher: Publisher) -> None:
    refresher = refresher_of(publisher, DB)
    refresher._on_event = refresher.stop
    refresher.run()
    assert refresher.failure is None
    assert publisher.generation == 1
