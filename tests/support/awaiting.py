"""What the tests of waiting share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ddbcfg_client.waking.waiter import Waiter

PATIENCE = 20.0  # seconds; what takes longer hangs


def descriptors(pid: int | str = "self") -> dict[str, str]:
    """The open descriptors of a process that waiting may use, by number."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue  # closed since
        if target.startswith(("pipe:", "anon_inode:")):
            found[fd] = target
    return found


@pytest.fixture
def pausing(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Released each time that a thread is about to pause, which it does then."""
    paused = threading.Semaphore(0)
    real = Waiter.pause

    def pause(self: Waiter, seconds: float) -> None:
        paused.release()
        real(self, seconds)

    monkeypatch.setattr(Waiter, "pause", pause)
    return paused


class Waiting(threading.Thread):
    """A thread that waits, and what came of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.returned: Any = "nothing yet"
        self.start()

    def run(self) -> None:
        self.returned = self._call()

    def result(self) -> Any:
        self.join(PATIENCE)
        assert not self.is_alive(), "it still waits"
        return self.returned


@contextmanager
def no_tick() -> Iterator[None]:
    """Let a waiter pause for ever if nothing wakes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddbcfg_client.waking.page.LOOK_EVERY", 1e6)
        yield
