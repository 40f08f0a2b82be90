"""``wait`` and ``changes`` without shared memory, as the tests of applications use them."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
import time
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any

import pytest

from ddbcfg_client.attachment import Attachment
from ddbcfg_client.errors import LayoutMismatch, SecondsRefused, SnapshotUnavailable
from ddbcfg_client.testing import FakeConfig
from ddbcfg_client.waking.change import Change, change_of
from ddbcfg_client.waking.waiter import Waiter
from support.awaiting import PATIENCE, Waiting, descriptors


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig({"db": {"n": 1}, "flags": {"on": True}})


@pytest.fixture
def pausing(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released each time that a thread is about to pause; it would pause for ever."""
    paused = threading.Semaphore(0)
    real = Waiter.pause

    def pause(self: Waiter, seconds: float) -> None:
        paused.release()
        real(self, max(seconds, PATIENCE) if seconds == self.period else seconds)

    monkeypatch.setattr(Waiter, "pause", pause)
    return paused


# --- wait ----------------------------------------------------------------------------------------


def test_wait_returns_when_another_thread_sets_an_option(
    config: FakeConfig, pausing: threading.Semaphore
) -> None:
    waiting = Waiting(config.wait)
    assert pausing.acquire(timeout=PATIENCE)
    config.set("db", {"n": 2})
    assert waiting.result() is True


def test_wait_returns_although_another_thread_read_the_change_first(
    config: FakeConfig, pausing: threading.Semaphore
) -> None:
    waiters = [Waiting(config.wait) for _ in range(3)]
    for _ in waiters:
        assert pausing.acquire(timeout=PATIENCE)
    config.set("db", {"n": 2})
    assert config["db"] == {"n": 2}
    assert [waiting.result() for waiting in waiters] == [True] * 3


def test_wait_returns_once_for_each_change_and_not_for_what_was_read(config: FakeConfig) -> None:
    assert config.wait(0) is False
    config.set("db", {"n": 2})
    assert config.wait(0) is True
    assert config.wait(0) is False
    config.set("db", {"n": 3})
    assert config["db"] == {"n": 3}
    assert config.wait(0) is False


def test_wait_ends_at_its_timeout(config: FakeConfig) -> None:
    started = time.monotonic()
    assert config.wait(0.05) is False
    assert 0.05 <= time.monotonic() - started < 0.9


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True])
def test_wait_refuses_what_is_no_timeout(config: FakeConfig, timeout: Any) -> None:
    with pytest.raises(SecondsRefused):
        config.wait(timeout)


def test_wait_waits_for_a_first_snapshot_and_raises_what_time_does_not_mend(
    config: FakeConfig,
) -> None:
    config.failure = SnapshotUnavailable("/page", "no daemon")
    assert config.wait(0.01) is False
    config.failure = LayoutMismatch("/page", 9, 2)
    with pytest.raises(LayoutMismatch):
        config.wait()


def test_max_age_does_not_end_a_wait() -> None:
    config = FakeConfig({"db": {"n": 1}}, max_age=1)
    config.age = 5.0
    assert config.wait(0) is False
    config.set("db", {"n": 2})
    assert config.wait(0) is True


# --- changes -------------------------------------------------------------------------------------


def test_changes_are_the_later_ones_and_several_generations_come_as_one(
    config: FakeConfig,
) -> None:
    changes = config.changes()
    config.set("db", {"n": 2})
    assert next(changes) == Change(2, changed=("db",))
    config.set("new", {})
    config.set("db", {"n": 3})
    config.delete("flags")
    assert next(changes) == Change(5, ("new",), ("db",), ("flags",), complete=True)
    assert changes.wait(0) is None


def test_what_was_undone_meanwhile_is_no_change_of_an_option(config: FakeConfig) -> None:
    changes = config.changes()
    config.set("new", {})
    config.delete("new")
    config.delete("flags")
    config.set("flags", {"on": False})
    config.set("db", {"n": 2})
    config.delete("db")
    assert next(changes) == Change(7, (), ("flags",), ("db",))


def test_changes_start_with_the_present_state_if_asked(config: FakeConfig) -> None:
    changes = config.changes(initial=True)
    assert next(changes) == Change(1, added=("db", "flags"))
    assert changes.wait(0) is None


def test_each_iterator_gets_every_change(config: FakeConfig) -> None:
    first, second = config.changes(), config.changes()
    config.set("db", {"n": 2})
    assert next(first) == next(second)
    assert config.wait(0) is False  # an iterator loaded it


def test_more_names_than_a_segment_carries_are_not_complete(config: FakeConfig) -> None:
    changes = config.changes()
    for number in range(70):
        config.set(f"option-{number}", {})
    change = next(changes)
    assert (change.generation, change.complete) == (71, False)
    assert set(change.added) < {f"option-{number}" for number in range(70)}
    config.set("db", {"n": 2})
    assert next(changes) == Change(72, changed=("db",))


def test_names_of_another_pages_generations_are_not_believed(config: FakeConfig) -> None:
    since = 1, "digest", (1, 2)
    config.set("db", {"n": 2})
    assert change_of(since, Attachment(snapshot=config.snapshot())) == Change(2, complete=False)


def test_a_closed_iterator_ends_also_in_the_thread_that_waits(
    config: FakeConfig, pausing: threading.Semaphore
) -> None:
    changes = config.changes()
    waiting = Waiting(lambda: list(changes))
    assert pausing.acquire(timeout=PATIENCE)
    changes.close()
    assert waiting.result() == []
    with closing(config.changes(initial=True)) as more:
        pass
    assert list(more) == []


# --- async ---------------------------------------------------------------------------------------


async def _pausing(*tasks: asyncio.Task[Any]) -> None:
    """Return when each task awaits a reader of the loop."""
    while not all(task._fut_waiter is not None for task in tasks):  # type: ignore[attr-defined]
        await asyncio.sleep(0)


def test_tasks_wait_for_the_same_changes(config: FakeConfig) -> None:
    async def two() -> list[Change]:
        tasks = [asyncio.create_task(anext(config.changes())) for _ in range(2)]
        await _pausing(*tasks)
        threading.Thread(target=config.set, args=("db", {"n": 2})).start()
        return await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    assert asyncio.run(two()) == [Change(2, changed=("db",))] * 2


def test_one_object_serves_both_protocols(config: FakeConfig) -> None:
    async def one() -> Change:
        async with aclosing(changes):
            async for change in changes:
                return change
        raise AssertionError

    changes = config.changes()
    config.set("db", {"n": 2})
    assert next(changes).generation == 2
    config.set("db", {"n": 3})
    assert asyncio.run(one()).generation == 3
    assert list(changes) == []


def test_a_task_that_is_cancelled_or_timed_out_leaves_nothing_and_loses_nothing(
    config: FakeConfig,
) -> None:
    async def cancelled() -> Change:
        changes = config.changes()
        task = asyncio.create_task(anext(changes))
        await _pausing(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(changes), 0.01)
        assert descriptors() == before
        config.set("db", {"n": 2})
        return await anext(changes)

    async def main() -> Change:
        before.update(descriptors())
        return await cancelled()

    before: dict[str, str] = {}
    assert asyncio.run(main()) == Change(2, changed=("db",))


# --- copies and values ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_waits_for_its_own_changes(config: FakeConfig, copied: Callable[[Any], Any]) -> None:
    changes = config.changes()
    again = copied(config)
    again.set("db", {"n": 2})
    assert config.wait(0) is False
    assert again.wait(0) is True
    assert changes.wait(0) is None


def test_a_change_is_a_value() -> None:
    change = Change(2, changed=("db",))
    assert pickle.loads(pickle.dumps(change)) == change
    assert hash(change) == hash(Change(2, changed=("db",)))
    with pytest.raises(AttributeError):
        change.generation = 3  # type: ignore[misc]
