"""The semaphore that is held around each announcement: who has it, and what is left of it (G5)."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import posix_ipc
import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.errors import ForeignObject, NoSpace, ShmRefused
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import reading
from support.shm import objects_of

Ticks = Callable[[Callable[[int], None]], None]


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    """Call a function in a signal handler, every 20 ms, with how often it was called before."""
    before = signal.getsignal(signal.SIGALRM)

    def start(on_tick: Callable[[int], None]) -> None:
        count = 0

        def handler(_: int, __: FrameType | None) -> None:
            nonlocal count
            on_tick(count)
            count += 1

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)

    yield start
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    yield publisher
    publisher.close()


def test_a_handled_signal_does_not_end_the_wait_for_the_holder(
    publisher: Publisher, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_of(publisher.names.semaphore, semaphore=True)
    tool = posix_ipc.Semaphore(publisher.names.semaphore)
    tool.acquire(0)
    was = path.stat().st_ino
    seen: list[int] = []

    def let_go(count: int) -> None:
        seen.append(count)
        if count == 4:
            tool.release()

    ticks(let_go)
    assert publisher.publish(reading(1))
    assert len(seen) > 4  # it waited, and was interrupted each time
    assert path.stat().st_ino == was
    assert tool.value == 1
    assert caplog.messages == []
    tool.close()


def test_signals_do_not_make_a_wait_for_a_dead_holder_longer(
    publisher: Publisher, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    held = posix_ipc.Semaphore(publisher.names.semaphore)
    held.acquire(0)  # and is killed
    seen: list[int] = []
    ticks(seen.append)
    assert publisher.publish(reading(1))
    # A second, in steps of 20 ms, with room for a machine that is slow to wake anybody.
    assert 5 < len(seen) < 250
    assert caplog.messages == [
        f"semaphore {publisher.names.semaphore} was not released by its holder; recreating it"
    ]
    held.close()


def test_a_wait_that_a_signal_ends_leaves_nothing_unannounced(
    publisher: Publisher, ticks: Ticks
) -> None:
    """Ctrl-C, say, in a program that publishes itself."""
    names = publisher.names
    assert publisher.publish(reading(1))
    tool = posix_ipc.Semaphore(names.semaphore)
    tool.acquire(0)

    def interrupt(count: int) -> None:
        if count == 2:
            raise KeyboardInterrupt

    ticks(interrupt)
    with pytest.raises(KeyboardInterrupt):
        publisher.publish(reading(2))
    assert publisher.generation == 1
    assert not path_of(names.segment(2)).exists()
    tool.release()
    assert publisher.publish(reading(2))
    assert not publisher.publish(reading(2))
    assert tool.value == 1
    tool.close()


def test_a_take_over_that_fails_leaves_no_semaphore(names: Names) -> None:
    in_the_way = path_of(names.page)
    in_the_way.mkdir()
    (in_the_way / "file").touch()
    try:
        with pytest.raises(ForeignObject):
            Publisher(names)
        assert not path_of(names.semaphore, semaphore=True).exists()
    finally:
        (in_the_way / "file").unlink()
        in_the_way.rmdir()
    Publisher(names).remove()
    assert objects_of(names) == []


def test_a_semaphore_that_cannot_be_given_away_is_not_left(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner or mode cannot be set: the next publisher must not find it half made."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("no")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.chmod", refused)
        with pytest.raises(PermissionError):
            Publisher(names)
    assert not path_of(names.semaphore, semaphore=True).exists()
    publisher = Publisher(names)
    assert publisher.publish(reading(1))
    publisher.remove()


@pytest.mark.parametrize(
    ("number", "error", "advice"),
    [
        (errno.ENOSPC, NoSpace, "no space in /dev/shm .* remove files from it, or enlarge it"),
        (errno.EMFILE, ShmRefused, "raise its limit"),
    ],
)
def test_a_semaphore_that_the_system_refuses_says_what_to_do(
    names: Names, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception], advice: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(posix_ipc, "Semaphore", refuse)
    with pytest.raises(error, match=advice) as caught:
        Publisher(names)
    assert f"/sem.{names.semaphore[1:]}" in str(caught.value)
