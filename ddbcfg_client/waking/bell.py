"""What wakes the waiting threads, tasks and greenlets of a process."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Wakeup:
    """A pipe that makes one waiter wake: readable once ``ring`` was called.

    The descriptors are closed when nothing refers to the object any more.  So a thread that is
    about to ring cannot write to a descriptor that belongs to something else by now, and no lock is
    needed, which a fork could copy while it is held.
    """

    __slots__ = ("_writing", "reading")

    def __init__(self) -> None:
        """Raise OSError if no descriptor is left."""
        self.reading, self._writing = -1, -1
        if sys.platform == "linux":
            self.reading, self._writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        else:
            self.reading, self._writing = os.pipe()
            os.set_blocking(self.reading, False)
            os.set_blocking(self._writing, False)

    def ring(self) -> None:
        """Make the pipe readable."""
        try:
            os.write(self._writing, b"!")
        except OSError:
            pass  # it is full, and so readable; or the program closed all its descriptors

    def clear(self) -> None:
        """Make the pipe unreadable; raise OSError if the program closed the descriptor."""
        try:
            os.read(self.reading, 4096)
        except BlockingIOError:
            pass

    def __del__(self) -> None:
        for fd in (self.reading, self._writing):
            if fd >= 0:
                try:
                    os.close(fd)
                except OSError:
                    pass  # the program closed all its descriptors


class Bell:
    """Wakes every waiter that has a ``Wakeup`` on it."""

    __slots__ = ("_wakeups",)

    def __init__(self) -> None:
        # With the process in which they wait: the threads of a parent do not exist in its child.
        self._wakeups: tuple[int, set[Wakeup]] = os.getpid(), set()

    def _here(self) -> set[Wakeup]:
        pid, wakeups = self._wakeups
        if pid != os.getpid():
            wakeups = set()
            self._wakeups = os.getpid(), wakeups
        return wakeups

    def hang(self, wakeup: Wakeup) -> None:
        """Ring ``wakeup`` from now on."""
        self._here().add(wakeup)

    def take_down(self, wakeup: Wakeup) -> None:
        """Ring ``wakeup`` no more."""
        self._here().discard(wakeup)

    def ring(self, but: Wakeup | None = None) -> None:
        """Ring every wakeup, except ``but``."""
        for wakeup in list(self._here()):  # one step, which no other thread can interrupt
            if wakeup is not but:
                wakeup.ring()

    def __reduce__(self) -> tuple[Any, ...]:
        return Bell, ()  # a copy has no waiters
