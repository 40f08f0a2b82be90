"""``wait`` and ``changes`` over shared memory."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from ddbcfg_client import Config, connect
from ddbcfg_client.errors import LayoutMismatch, UntrustedSegment
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import LAYOUT_WORD
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.waking.change import Change
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.awaiting import PATIENCE, Waiting, descriptors, no_tick, pausing
from support.reading import set_word
from support.shm import reading
from support.waiting import in_child

__all__ = ["pausing"]


@pytest.fixture
def _events_only() -> Iterator[None]:
    """Without the look once a second: only an event ends a pause."""
    with no_tick():
        yield


def options(**numbers: int) -> dict[str, dict[str, int]]:
    return {name: {"n": number} for name, number in numbers.items()}


@pytest.mark.usefixtures("_events_only")
def test_threads_that_wait_are_woken_by_a_publication(
    config: Config, publisher: Publisher, pausing: threading.Semaphore
) -> None:
    waiters = [Waiting(config.wait) for _ in range(4)]
    for _ in waiters:
        assert pausing.acquire(timeout=PATIENCE)
    publisher.publish(reading(options(db=2)))
    assert [waiting.result() for waiting in waiters] == [True] * 4
    assert config["db"] == {"n": 2}
    assert config.wait(0) is False


@pytest.mark.usefixtures("_events_only")
def test_two_stores_wake_their_own_waiters(
    config: Config, publisher: Publisher, pausing: threading.Semaphore
) -> None:
    other = Publisher(Names(publisher.names.namespace, "other"))
    other.publish(reading(options(db=1)))
    waiting = Waiting(config.wait)
    others = Waiting(connect(publisher.names.namespace, "other").wait)
    for _ in range(2):
        assert pausing.acquire(timeout=PATIENCE)
    other.publish(reading(options(db=2)))
    assert others.result() is True
    publisher.publish(reading(options(db=2)))
    assert waiting.result() is True
    other.close()


@pytest.mark.usefixtures("_events_only")
def test_changes_have_the_names_that_the_segment_carries(
    config: Config, publisher: Publisher, pausing: threading.Semaphore
) -> None:
    changes = config.changes()
    waiting = Waiting(lambda: next(changes))
    assert pausing.acquire(timeout=PATIENCE)
    publisher.publish(reading(options(db=1, new=1)))
    assert waiting.result() == Change(2, added=("new",))
    publisher.publish(reading(options(db=2, new=1)))
    publisher.publish(reading(options(db=2)))
    assert next(changes) == Change(4, changed=("db",), removed=("new",))


@pytest.mark.usefixtures("_events_only")
def test_tasks_of_one_loop_are_woken_by_one_event(config: Config, publisher: Publisher) -> None:
    async def first(changes_of: Config) -> Change:
        async for change in changes_of.changes():
            return change
        raise AssertionError

    async def main() -> list[Change]:
        tasks = [asyncio.create_task(first(config)) for _ in range(3)]
        while not all(task._fut_waiter for task in tasks):  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        publisher.publish(reading(options(db=2)))
        return await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    assert asyncio.run(main()) == [Change(2, changed=("db",))] * 3


def test_wait_waits_for_the_first_snapshot(names: Names, pausing: threading.Semaphore) -> None:
    config = Config(names, Trust())
    waiting = Waiting(config.wait)
    assert pausing.acquire(timeout=PATIENCE)  # there is no page
    publisher = Publisher(names)
    with no_tick():
        assert pausing.acquire(timeout=PATIENCE)
        while pausing.acquire(timeout=1):
            pass  # until it watches the page, which has no generation
        publisher.publish(reading(options(db=1)))
        assert waiting.result() is True
    publisher.close()


def test_the_first_snapshot_of_a_store_adds_all_its_options(names: Names) -> None:
    changes = Config(names, Trust()).changes()
    assert changes.wait(0) is None
    publisher = Publisher(names)
    publisher.publish(reading(options(db=1, other=1)))
    assert next(changes) == Change(1, added=("db", "other"))
    publisher.close()


def test_a_page_that_was_removed_and_made_anew_is_noticed_within_seconds(
    config: Config, publisher: Publisher, pausing: threading.Semaphore
) -> None:
    changes = config.changes()
    waiting = Waiting(lambda: changes.wait(PATIENCE))
    assert pausing.acquire(timeout=PATIENCE)
    path_of(publisher.names.page).unlink()
    assert pausing.acquire(timeout=PATIENCE)  # that was an event
    # As if the daemon had been killed: nobody marks the page.
    publisher._store.page.retire = lambda: None  # type: ignore[method-assign]
    removed_at = time.monotonic()
    publisher.verify()
    publisher.publish(reading(options(db=2)))
    change = waiting.result()
    assert time.monotonic() - removed_at < 5
    # Its names may be those of other generations.
    assert change == Change(2, complete=False)
    publisher.publish(reading(options(db=3)))
    assert next(changes) == Change(3, changed=("db",))


def test_a_page_made_anew_for_the_same_snapshot_is_no_change(
    config: Config, publisher: Publisher
) -> None:
    changes = config.changes()
    path_of(publisher.names.page).unlink()
    publisher.verify()
    assert changes.wait(1.5) is None
    assert config.wait(0) is False
    publisher.publish(reading(options(db=2)))
    assert next(changes).generation == 2


def test_wait_raises_what_a_read_raises_if_nothing_is_served_and_time_will_not_help(
    publisher: Publisher,
) -> None:
    page = path_of(publisher.names.page)
    page.chmod(0o666)
    with pytest.raises(UntrustedSegment):
        Config(publisher.names, Trust()).wait()
    page.chmod(0o640)
    set_word(page, LAYOUT_WORD, 9)
    with pytest.raises(LayoutMismatch):
        Config(publisher.names, Trust()).wait()


def test_wait_goes_on_while_the_new_generation_cannot_be_loaded(
    config: Config, names: Names, publisher: Publisher, pausing: threading.Semaphore
) -> None:
    def step(name: str) -> None:
        if name == "announce":
            segment.chmod(0o666)  # its reader does not trust it

    segment = path_of(names.segment(2))
    waiting = Waiting(config.wait)
    assert pausing.acquire(timeout=PATIENCE)
    publisher._store.at = step
    publisher.publish(reading(options(db=2)))
    assert pausing.acquire(timeout=PATIENCE)
    assert config.status().reader_error is not None
    segment.chmod(0o640)
    assert waiting.result() is True


def test_what_was_read_before_close_is_not_new_afterwards(
    config: Config, publisher: Publisher
) -> None:
    config.close()
    assert config.wait(0) is False
    config.close()
    publisher.publish(reading(options(db=2)))
    assert config.wait(0) is True


def test_nothing_is_left_open(config: Config) -> None:
    in_child(lambda: _leaves_nothing_open(config.namespace))


def _leaves_nothing_open(namespace: str) -> None:
    config = connect(namespace, "prod")
    gc.collect()  # what earlier tests left
    before = descriptors()
    assert config.wait(0.01) is False
    (instance,) = descriptors().keys() - before.keys()
    assert descriptors()[instance] == "anon_inode:inotify"
    other = connect(namespace, "prod")
    with other.changes() as changes:
        assert changes.wait(0.01) is None
    assert len(descriptors()) == len(before) + 1  # the process has one instance
    config.close()
    assert len(descriptors()) == len(before) + 1
    del other, changes
    assert descriptors() == before
    assert config.wait(0.01) is False
    del config
    assert descriptors() == before


def test_a_signal_ends_a_wait_only_if_its_handler_raises(
    config: Config, publisher: Publisher
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(number: int, frame: object) -> None:
        handled.append(number)
        if len(handled) == 2:
            raise Interrupted

    handled: list[int] = []
    before = descriptors()
    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(Interrupted):
            config.wait()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(handled) == 2
    config.close()
    assert descriptors() == before
