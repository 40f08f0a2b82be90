"""``Config.wait`` and ``Config.changes``: one loop, for threads, greenlets and tasks."""

from __future__ import annotations

import os
from math import inf
from time import monotonic

from ddbcfg_client.arguments import seconds_of
from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.reporting import log
from ddbcfg_client.waking.change import change_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from ddbcfg_client.attachment import Attachment, Position
    from ddbcfg_client.waking.change import Change
    from ddbcfg_client.waking.waiter import Awaited, Waiter

    # Yields each pause: the waiter, and the number of seconds.  Returns the news, or None.
    Pauses = Generator[tuple[Waiter, float], None, Attachment | None]


def wait(awaited: Awaited, timeout: float | None) -> bool:
    """Return whether there is something newer than ``awaited`` loaded last, within ``timeout``."""
    search = _Search(awaited)
    return _pause(search.pauses(awaited._position(), timeout)) is not None


class Changes:
    """Iterates over the changes of a store as they come, with ``for`` or with ``async for``.

    Changes that come while no change is requested are returned as one.  Each iterator has its own
    position, so several threads can follow one Config, each with its own iterator.
    """

    def __init__(self, awaited: Awaited, *, initial: bool = False) -> None:
        self._search = _Search(awaited)
        self._since = None if initial else awaited._position()

    def wait(self, timeout: float | None = None) -> Change | None:
        """Return the next change; None after ``timeout`` seconds, or if this object is closed."""
        return self._passed(_pause(self._search.pauses(self._since, timeout)))

    def _passed(self, news: Attachment | None) -> Change | None:
        """Return the change that led to ``news``, and make that the position."""
        if news is None:
            return None
        change = change_of(self._since, news)
        self._since = news.position()
        return change

    def __iter__(self) -> Changes:
        return self

    def __next__(self) -> Change:
        change = self.wait()
        if change is None:
            raise StopIteration
        return change

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> Change:
        change = self._passed(await _pause_async(self._search.pauses(self._since, None)))
        if change is None:
            raise StopAsyncIteration
        return change

    def close(self) -> None:
        """End the iteration, also in a thread that waits for the next change."""
        self._search.close()

    async def aclose(self) -> None:
        """End the iteration."""
        self.close()

    def __enter__(self) -> Changes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Search:
    """Looks for news, and says when to pause; it does not pause itself."""

    def __init__(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._waiter: Waiter | None = None
        self._closed = False

    def close(self) -> None:
        self._closed = True
        waiter = self._waiter
        if waiter is not None:
            waiter.ring()

    def pauses(self, since: Position | None, timeout: float | None) -> Pauses:
        """Yield each pause until there is something else than at ``since``, and return it.

        Return None after ``timeout`` seconds, or if this is closed.  Raise what a read raises if
        there is nothing to serve and more time will not help.
        """
        deadline = inf if timeout is None else monotonic() + seconds_of("timeout", timeout)
        waiter: Waiter | None = None
        ready = said = False
        try:
            while not self._closed:
                try:
                    # Often there is news already, so the first look needs no descriptors, and one
                    # after a pause does not watch again.
                    news = waiter.look() if ready and waiter else self._awaited._latest()
                    if _is_news(news.position(), since):
                        return news
                except SnapshotUnavailable as error:
                    if not said:
                        said = True
                        log("info", f"{self._awaited!r} waits for a snapshot: {error}")
                left = deadline - monotonic()
                if left <= 0:
                    return None
                if waiter is None:
                    waiter = self._waiter = self._awaited._waiter()
                elif ready:
                    yield waiter, min(left, waiter.period)
                    if waiter.pid == os.getpid():
                        waiter.clear()
                    else:
                        # A greenlet still waits in a forked child, but not with its parent's pipes.
                        waiter.close()
                        waiter = self._waiter = self._awaited._waiter()
                ready = not ready
            return None
        finally:
            self._waiter = None
            if waiter is not None:
                waiter.close()


def _is_news(position: Position | None, since: Position | None) -> bool:
    return position is not None and (since is None or position[:2] != since[:2])


def _pause(pauses: Pauses) -> Attachment | None:
    """Make the pauses in this thread or greenlet."""
    try:
        while True:
            waiter, seconds = next(pauses)
            waiter.pause(seconds)
    except StopIteration as end:
        news: Attachment | None = end.value
        return news
    finally:
        pauses.close()


async def _pause_async(pauses: Pauses) -> Attachment | None:
    """Make the pauses in this task."""
    try:
        while True:
            waiter, seconds = next(pauses)
            await waiter.pause_async(seconds)
    except StopIteration as end:
        news: Attachment | None = end.value
        return news
    finally:
        pauses.close()
