"""The refresher: when it polls, and what the watchdog hears (G4, G10)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from statistics import mean

import pytest

from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon import pace as module
from ddbcfg_daemon.guards import GuardRefused
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.schedule import Schedule
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


def test_polls_begin_at_a_random_phase_of_the_interval() -> None:
    spread(lambda: Schedule(INTERVAL).next_after(1000.0) - 1000.0, 0.0, INTERVAL)


def test_later_polls_keep_to_a_grid_and_are_up_to_half_a_second_late() -> None:
    schedule = Schedule(INTERVAL)
    phase = schedule.next_after(1000.0)

    def late() -> float:
        # However long a poll takes, and however late it is itself.
        polled = phase + INTERVAL * random.randrange(50) + random.random() * 59
        return (schedule.next_after(polled) - phase) % INTERVAL

    assert mean(spread(late, 0.0, 0.5)) == pytest.approx(0.25, abs=0.02)
    # A poll that took more than an interval leaves some out.
    assert 0 <= schedule.next_after(phase + 100.5 * INTERVAL) - phase - 101 * INTERVAL <= 0.5


def test_a_short_interval_has_less_jitter() -> None:
    schedule = Schedule(0.5)
    phase = schedule.next_after(0.0)
    spread(lambda: schedule.next_after(phase) - phase, 0.5, 0.55)


@pytest.mark.parametrize(
    ("failures", "longest"),
    [(1, 2), (2, 4), (3, 8), (5, 32), (6, INTERVAL), (7, INTERVAL), (10**6, INTERVAL)],
)
def test_tries_after_failures_come_later_and_later_up_to_the_interval(
    failures: int, longest: float
) -> None:
    spread(lambda: Schedule(INTERVAL).retry(failures), longest / 2, longest)


def test_an_interval_shorter_than_the_first_retry_is_kept() -> None:
    assert all(Schedule(0.5).retry(1) <= 0.5 for _ in range(100))


def test_failures_before_it_do_not_use_up_the_random_phase(publisher: Publisher) -> None:
    refresher = refresher_of(publisher)
    refresher._status.failures = 1
    refresher._pace.ended(AWAY, scheduled=True)
    assert refresher._pace.due <= boottime() + 2 * 10**9
    assert refresher._pace.schedule.phase is None
    refresher._pace.ended(None, scheduled=True)
    assert refresher._pace.due == round((refresher._pace.schedule.phase or 0) * 1e9)


def test_a_source_that_wants_to_be_read_again_is_and_that_is_no_scheduled_poll(
    publisher: Publisher,
) -> None:
    refresher = refresher_of(publisher, replace(DB, again_in=0.05), DB)
    refresher.poll()
    refresher._pace.due = boottime() + 10**12
    assert refresher._pace.sleep(refresher._stop) is False
    assert refresher._pace.due > boottime() + 9 * 10**11
    refresher.poll(scheduled=False)
    assert refresher._pace.again_at is None


def test_a_poll_that_is_asked_for_comes_at_once_but_a_second_after_the_last_one(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = refresher_of(publisher, DB)
    refresher.poll()
    refresher._pace.ended(None, scheduled=True)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        refresher._status.poll_started -= round(seconds * 1e9)

    monkeypatch.setattr(refresher._requests, "wait", wait)
    refresher._pace.due = boottime() + 10**12
    refresher.nudge()
    assert refresher._pace.sleep(refresher._stop) is False
    assert 0.5 < sum(waited) <= 1.0
    waited.clear()
    assert refresher._pace.sleep(refresher._stop) is False
    assert waited == []


def test_many_who_ask_while_it_sleeps_get_one_poll(publisher: Publisher) -> None:
    refresher = refresher_of(publisher, DB, DB)
    refresher._pace.due = boottime() + 10**12
    assert [refresher.nudge() for _ in range(50)] == [True] + [False] * 49
    assert refresher._pace.sleep(refresher._stop) is False
    refresher.poll(scheduled=False)
    assert refresher.nudge() is True


def test_polls_that_are_asked_for_do_not_put_off_the_scheduled_ones(publisher: Publisher) -> None:
    refresher = refresher_of(publisher)
    refresher._pace.ended(None, scheduled=True)
    due = refresher._pace.due
    refresher._pace.ended(None, scheduled=False)
    refresher._pace.ended(GuardRefused("shrink", "all gone"), scheduled=False)
    assert refresher._pace.due == due
    # But one that failed is tried again soon, as any other.
    refresher._pace.due = boottime() + round(1000 * INTERVAL) * 10**9
    refresher._status.failures = 1
    refresher._pace.ended(AWAY, scheduled=False)
    assert refresher._pace.due <= boottime() + 2 * 10**9


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
            refresher._pace.due = boottime()  # as after its pause
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
    refresher._pace.due = clock[0] + 3600 * 10**9
    refresher._pace.sleeping = True
    clock[0] += 3000 * 10**9
    assert refresher.silence == 0
    clock[0] += 4200 * 10**9
    assert refresher.silence == 3600


def test_a_poll_that_is_asked_for_and_hangs_is_not_hidden_by_the_time_of_the_next(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = refresher_of(publisher, DB)
    refresher._pace.due = boottime() + 3600 * 10**9
    refresher.nudge()
    assert refresher._pace.sleep(refresher._stop) is False
    now = boottime() + 170 * 10**9
    monkeypatch.setattr(module, "boottime", lambda: now)
    assert 169 < refresher.silence < 171
