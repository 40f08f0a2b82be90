"""One wait in progress: how a thread, a greenlet or a task pauses, and what wakes it.

``Awaited`` is the seam between waiting and what is waited for: a Config over shared memory, over a
file, or over the options of a test.  It provides a ``Waiter``.  This one looks once a second,
which is enough for a file, or earlier if a bell rings, as for the options of a test.
``PageWaiter`` is woken by the publisher.
"""

from __future__ import annotations

import os
import select
import time

from ddbcfg_client.waking.bell import Wakeup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ddbcfg_client.attachment import Attachment, Position
    from ddbcfg_client.waking.bell import Bell

    class Looking(Protocol):
        """What a waiter looks at."""

        def _latest(self) -> Attachment:
            """Load what is current; raise SnapshotUnavailable if there is nothing yet."""

    class Awaited(Looking, Protocol):
        """What can be waited for."""

        def _position(self) -> Position | None:
            """Return the position of the snapshot that was loaded last; None if none was."""

        def _waiter(self) -> Waiter:
            """Return what makes a thread pause until it should look again."""


LOOK_EVERY = 1.0  # seconds, even if nothing wakes the waiter
LOOK_OFTEN = 0.25  # seconds, if nothing can wake the waiter although something should


class Waiter:
    """Pauses until ``bell`` rings, or for at most ``period`` seconds."""

    def __init__(
        self, awaited: Looking, bell: Bell | None = None, period: float = LOOK_EVERY
    ) -> None:
        self.awaited = awaited
        self.period = period
        self.pid = os.getpid()
        self._bell: Bell | None = None
        self._epoll: select.epoll | None = None
        self.wakeup: Wakeup | None
        try:
            self.wakeup = Wakeup()
        except OSError:  # no descriptor is left
            self.wakeup, self.period = None, min(period, LOOK_OFTEN)
        self.hang_on(bell)

    def hang_on(self, bell: Bell | None) -> None:
        """Be woken by ``bell`` from now on, and by no other."""
        if bell is self._bell:
            return
        if self._bell is not None and self.wakeup is not None:
            self._bell.take_down(self.wakeup)
        self._bell = bell
        if bell is not None and self.wakeup is not None:
            bell.hang(self.wakeup)

    def look(self) -> Attachment:
        """Load what is current, after everything is in place that wakes this waiter.

        So whatever comes later than what is returned wakes it.  Raise as ``Awaited._latest`` does.
        """
        return self.awaited._latest()

    def clear(self) -> None:
        """Be ready to be woken again; called after each pause."""
        if self.wakeup is not None:
            try:
                self.wakeup.clear()
            except OSError:  # the program closed all its descriptors
                self.wakeup = None

    def ring(self) -> None:
        """Wake this waiter."""
        if self.wakeup is not None:
            self.wakeup.ring()

    def descriptors(self) -> list[int]:
        """Return the descriptors that wake this waiter when one of them is readable."""
        return [] if self.wakeup is None else [self.wakeup.reading]

    def pause(self, seconds: float) -> None:
        """Return when woken, or after ``seconds``."""
        descriptors = self.descriptors()
        if not descriptors:
            time.sleep(seconds)
            return
        # Not epoll: gevent replaces poll() by one that lets other greenlets run.
        poll = select.poll()
        for fd in descriptors:
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)

    async def pause_async(self, seconds: float) -> None:
        """Do the same as ``pause`` in a task of asyncio."""
        import asyncio

        descriptors = self.descriptors()
        if len(descriptors) > 1 and self._epoll is None and hasattr(select, "epoll"):
            try:
                self._epoll = select.epoll()
            except OSError:
                pass  # no descriptor is left
        if self._epoll is not None:
            # A loop has one reader for each descriptor, but several tasks can wait for one
            # instance.  So each has its own epoll instance.
            for fd in descriptors:
                try:
                    self._epoll.register(fd, select.EPOLLIN)
                except FileExistsError:
                    pass
        elif len(descriptors) > 1:
            descriptors, seconds = descriptors[:1], min(seconds, LOOK_OFTEN)
        if not descriptors:
            await asyncio.sleep(seconds)
            return
        fd = descriptors[0] if self._epoll is None else self._epoll.fileno()
        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        loop.add_reader(fd, wake)
        timer = loop.call_later(seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()
            loop.remove_reader(fd)

    def close(self) -> None:
        """Close the descriptors of this waiter."""
        self.hang_on(None)
        self.wakeup = None
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None
