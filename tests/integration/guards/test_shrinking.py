"""Guards: an emptied or shrunken store is held, and what is meant gets through (G4)."""

from __future__ import annotations

import logging
import time

import pytest

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.guards import GuardRefused, ShrinkGuard
from ddbcfg_daemon.sources.base import Reading
from support.daemon import SECRET
from support.guarding import Rig
from support.shm import reading


def store(count: int) -> Reading:
    return reading({f"option-{number:02}": {"secret": SECRET} for number in range(count)})


def test_an_emptied_store_is_never_believed_by_itself(rig: Rig) -> None:
    assert rig.poll(store(3)) is None
    for _ in range(10):
        error = rig.poll(store(0))
        assert isinstance(error, GuardRefused)
        assert "all of 3 options are gone" in str(error)
        assert rig.options == 3


def test_a_shrink_is_believed_when_it_has_stood_for_three_polls(rig: Rig) -> None:
    rig.poll(store(20))
    for poll in (1, 2):
        error = rig.poll(store(5))
        assert f"15 of 20 options are gone, more than 50 % (so far at {poll} of 3" in str(error)
        assert rig.options == 20
    assert rig.poll(store(5)) is None
    assert rig.options == 5


def test_polls_that_readers_ask_for_do_not_count(rig: Rig) -> None:
    rig.poll(store(20))
    for _ in range(20):
        error = rig.poll(store(5), scheduled=False)
        assert "(so far at 0 of 3" in str(error)
    assert rig.options == 20
    for scheduled, options in ((True, 20), (False, 20), (True, 20), (False, 20), (True, 5)):
        rig.poll(store(5), scheduled=scheduled)
        assert rig.options == options


@pytest.mark.parametrize("between", [20, 0])
def test_what_comes_back_or_goes_in_between_starts_the_count_anew(rig: Rig, between: int) -> None:
    rig.poll(store(20))
    for count in (5, 5, between, 5, 5):
        rig.poll(store(count))
        assert rig.options == 20


def test_a_loss_of_more_than_half_is_refused_and_of_half_is_not(rig: Rig) -> None:
    rig.poll(store(20))
    assert isinstance(rig.poll(store(9)), GuardRefused)
    assert rig.options == 20
    assert rig.poll(store(10)) is None
    assert rig.options == 10


def test_a_small_store_may_lose_what_it_likes_but_not_all(rig: Rig) -> None:
    rig.poll(store(9))
    assert rig.poll(store(1)) is None


def test_options_that_were_replaced_by_others_are_lost_too(rig: Rig) -> None:
    rig.poll(store(10))
    others = reading({f"other-{number}": {} for number in range(10)})
    assert isinstance(rig.poll(others), GuardRefused)


def test_a_store_that_was_empty_may_be_empty(rig: Rig) -> None:
    assert rig.poll(store(0)) is None
    assert rig.poll(store(0)) is None


@pytest.mark.parametrize(
    ("guard", "left"), [(ShrinkGuard(allow_empty=True), 0), (ShrinkGuard(polls=1), 1)]
)
def test_an_operator_can_set_the_guard_otherwise(
    names: Names, guard: ShrinkGuard, left: int
) -> None:
    rig = Rig(names, [guard])
    rig.poll(store(20))
    assert rig.poll(store(left)) is None
    rig.publisher.close()


def test_max_shrink_100_lets_all_but_an_empty_store_through(names: Names) -> None:
    rig = Rig(names, [ShrinkGuard(max_shrink=100)])
    rig.poll(store(20))
    assert rig.poll(store(1)) is None
    rig.publisher.close()


def test_it_holds_for_what_an_earlier_daemon_published(rig: Rig) -> None:
    rig.poll(store(20))
    rig.publisher.close()
    again = Rig(rig.names, [ShrinkGuard()])
    assert isinstance(again.poll(store(2)), GuardRefused)
    assert again.options == 20
    again.publisher.close()


def test_what_is_refused_is_held_and_no_failure(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.poll(store(3))
    with caplog.at_level(logging.INFO, "ddbcfg"):
        rig.poll(store(0))
    status = rig.status
    assert (status.failures, status.error, status.generation) == (0, None, 1)
    assert "all of 3 options are gone" in (status.held or "")
    assert "reload --accept" in (status.held or "")
    assert status.held_since == pytest.approx(time.time(), abs=30)
    assert "the shrink guard refused it: all of 3 options are gone" in caplog.text
    assert "still serving generation 1, 0 s old" in caplog.text
    assert "failed" not in caplog.text
    assert "held since 2" in rig.refresher.summary
    assert rig.refresher.refused
    # It is said once; and the time is that of the first refusal.
    rig.poll(store(0))
    assert rig.status.held_since == status.held_since
    assert caplog.text.count("all of 3 options are gone") == 1
    rig.poll(store(3))
    assert (rig.status.held, rig.status.held_since) == (None, None)
    assert not rig.refresher.refused
    assert "held" not in rig.refresher.summary


def test_what_is_served_does_not_age_while_newer_content_is_held(rig: Rig) -> None:
    rig.poll(store(3))
    before = rig.page.success
    rig.poll(store(0))
    held = rig.page
    assert held.success > before
    assert held.success == pytest.approx(held.poll_finished, abs=10**9)
    assert held.success_unix == pytest.approx(time.time_ns(), abs=30 * 10**9)


def test_a_poll_that_fails_while_something_is_held_is_a_failure_beside_it(rig: Rig) -> None:
    rig.poll(store(3))
    rig.poll(store(0))
    success = rig.page.success
    rig.source.error = TableUnreachable("config", "Query", "Timeout", "nobody is there")
    assert rig.poll(store(0)) is rig.source.error
    status = rig.status
    assert status.failures == 1
    assert "nobody is there" in (status.error or "")
    assert "all of 3 options are gone" in (status.held or "")
    assert rig.page.success == success  # the age goes on
    rig.source.error = None
    rig.poll(store(0))
    assert (rig.status.failures, rig.status.error) == (0, None)
    assert rig.refresher.refused


def test_an_empty_store_that_is_published_is_a_snapshot_like_any_other(rig: Rig) -> None:
    assert rig.poll(store(0)) is None
    assert "generation 1, 0 options" in rig.refresher.summary
    assert rig.refresher.ready


def accept(rig: Rig) -> None:
    """What ``reload --accept`` asks for, without waiting for a poll that this test makes itself."""
    rig.refresher._requests.ask(accept=True)


def test_an_operator_accepts_what_is_refused_once(rig: Rig) -> None:
    rig.poll(store(3))
    assert isinstance(rig.poll(store(0)), GuardRefused)
    accept(rig)
    assert rig.poll(store(0)) is None
    assert rig.options == 0


def test_an_acceptance_that_was_not_needed_is_not_kept(rig: Rig) -> None:
    rig.poll(store(3))
    accept(rig)
    assert rig.poll(store(3)) is None
    assert isinstance(rig.poll(store(0)), GuardRefused)


# --- the schema ----------------------------------------------------------------------------------


def test_a_store_that_goes_on_shrinking_has_not_stood_yet() -> None:
    guard = ShrinkGuard(max_shrink=50, polls=3)
    before = [f"option-{number}" for number in range(100)]

    def refused(left: int) -> bool:
        now = Reading(dict.fromkeys(before[:left], b"\x80"), 1)
        try:
            guard.check(before, now, scheduled=True)
        except GuardRefused:
            return True
        return False

    # Half done at each of the first polls, and then as it was meant.
    assert [refused(left) for left in (40, 30, 20, 10, 10)] == [True] * 5
    assert not refused(10)
    # One that grows again, but not enough, goes on standing.
    assert [refused(left) for left in (10, 12, 11)] == [True, True, False]
