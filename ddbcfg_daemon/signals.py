"""The signals that the daemon takes: none is blocked, and none is handled where it arrives.

A blocked signal would be deaf while the daemon starts, and would stay blocked in what the daemon
starts, such as a ``credential_process``.  So each has a handler that only notes it; Python runs it
in the main thread.  A helper process starts with nothing blocked and the system's own handlers.
"""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from types import FrameType
from typing import Any, Self

STOPPING = frozenset((signal.SIGTERM, signal.SIGINT))
# SIGIO would end the process, and is what Linux falls back on to tell the holder of a lease (see
# publishing/replaced.py) that somebody opens the file.
TAKEN = STOPPING | {signal.SIGHUP, signal.SIGIO}


class Stopped(BaseException):
    """A signal to stop, raised where the main thread was; no ``except Exception`` keeps it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name

    def __str__(self) -> str:
        return f"stopped by {self.name}"


class Signals:
    """Takes the signals in a ``with`` of the main thread.

    A signal to stop raises :class:`Stopped` there, so that nothing which hangs at the start keeps
    the daemon; from :meth:`collect` on, only :meth:`wait` returns it.
    """

    def __init__(self) -> None:
        self._collects = False
        self._received: set[signal.Signals] = set()
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._handlers: dict[signal.Signals, Any] = {}
        self._wakeup = -1

    def __enter__(self) -> Self:
        # A full pipe loses nothing: the handlers note what came, the pipe only wakes.
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in TAKEN:
            self._handlers[number] = signal.signal(number, self._receive)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TAKEN)  # whatever the parent had blocked
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)

    def __del__(self) -> None:
        # Not in __exit__: threads that outlive it may still call wake().
        os.close(self._reading)
        os.close(self._writing)

    def collect(self) -> None:
        """Have signals to stop returned by :meth:`wait` from now on, like the others."""
        self._collects = True

    def wait(self, seconds: float) -> frozenset[signal.Signals]:
        """Return what was received since the last call.

        Return at once if there is anything, else after *seconds*, a signal or :meth:`wake`.
        """
        if not self._received:
            select.select([self._reading], [], [], seconds)
        with suppress(BlockingIOError):
            # Bounded: others may signal faster than this reads.
            os.read(self._reading, 65536)
        received, self._received = self._received, set()
        return frozenset(received)

    def wake(self) -> None:
        """End a :meth:`wait`; for other threads."""
        with suppress(BlockingIOError):  # full: it will end
            os.write(self._writing, b"\0")

    def _receive(self, number: int, frame: FrameType | None) -> None:
        # Noted in any case: a bare "except:" of some library can swallow what is raised.
        self._received.add(signal.Signals(number))
        if not self._collects and number in STOPPING:
            raise Stopped(number)
