"""The refresher: when it polls, and what the watchdog hears (G4, G10)."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from statistics import mean

import pytest

from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon import refresher as module
from ddbcfg_daemon.guards import GuardRefused
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Progress
from support.refreshing import AWAY, DB, INTERVAL, FakeSource, refresher_of

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
