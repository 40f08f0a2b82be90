"""The signals that the daemon handles: none is blocked, and handlers only record the signal.

A blocked signal would be ignored while the daemon starts, and would stay blocked in the processes
that the daemon starts, such as a ``credential_process``.  So each signal has a handler that records
it; Python runs the handler in the main thread.  A helper process starts with no signal blocked and
with the default handlers.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from types import FrameType
from typing import Any, Self

STOPPING = frozenset((signal.SIGTERM, signal.SIGINT))
# SIGIO ends the process by default.  Linux falls back to it to notify the holder of a lease (see
# publishing/replaced.py) that another process opens the file.
HANDLED = STOPPING | {signal.SIGHUP, signal.SIGIO}


class Stopped(BaseException):
    """A signal to stop, raised in the main thread; ``except Exception`` does not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name

    def __str__(self) -> str:
        return f"stopped by {self.name}"


class Signals:
    """Handles the signals inside a ``with`` block of the main thread.

    A signal to stop raises ``Stopped`` there, so that it also stops a start-up that hangs.
    After ``collect``, it raises nothing any more, and ``wait`` returns it.
    """

    def __init__(self) -> None:
        self._collects = False
        self._received: set[signal.Signals] = set()
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers: dict[signal.Signals, Any] = {}
        self._wakeup = -1

    def __enter__(self) -> Self:
        # A full pipe loses nothing: the handlers record the signals, the pipe only wakes wait().
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in HANDLED:
            self._handlers[number] = signal.signal(number, self._receive)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)  # the parent may have blocked them
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)

    def __del__(self) -> None:
        # Not in __exit__: threads that are still running may call wake() later.
        os.close(self._reading)
        os.close(self._writing)

    def collect(self) -> None:
        """Return signals to stop from ``wait`` from now on, like the other signals."""
        self._collects = True

    def wait(self, seconds: float) -> frozenset[signal.Signals]:
        """Return the signals received since the last call.

        If there are none yet, wait for a signal or ``wake``, for at most ``seconds``.
        """
        if not self._received:
            select.select([self._reading], [], [], seconds)
        with suppress(BlockingIOError):
            # Bounded: signals may come faster than this reads.
            os.read(self._reading, 65536)
        received, self._received = self._received, set()
        return frozenset(received)

    def wake(self) -> None:
        """End a ``wait``; called from other threads."""
        with suppress(BlockingIOError):  # the pipe is full, so wait() will return anyway
            os.write(self._writing, b"\0")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        # Recorded in any case: a bare "except:" in a library can swallow the exception.
        self._received.add(signal.Signals(number))
        if not self._collects and number in STOPPING:
            raise Stopped(number)
