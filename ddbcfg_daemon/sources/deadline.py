"""One deadline for a whole reading, enforced from another thread.

A reading resolves names, gets credentials, connects and receives pages.  Each of these steps has
its own timeout, and their sum is minutes; some have none.  So a reading runs in its own thread.  At
the deadline the refresher stops waiting and the poll has failed.  If the thread returns a result
later, it is discarded.

The pause between two readings that have to agree is not counted: with a shorter timeout, a store
in doubt could never be settled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from errno import EAGAIN
from functools import partial

from ddbcfg_client.dynamodb.revision.following import AGREED
from ddbcfg_daemon.errors import PollTimeout, ReadingAbandoned
from ddbcfg_daemon.sources.base import Progress, Reading, Served, Source
from ddbcfg_daemon.sources.cancellation import Cancellation
from ddbcfg_daemon.sources.credential_helpers import kill_helpers_of

#: Maximum number of readings of one store that may hang at the same time.
MOST_ABANDONED = 3
# Seconds between two calls of the refresher's ``progress``, so that it is not considered stuck.
_PROGRESS_EVERY = 1.0


class DeadlineSource:
    """Reads ``source`` for at most ``timeout`` seconds, and limits the abandoned readings."""

    def __init__(self, source: Source, timeout: float) -> None:
        self._source = source
        self._timeout = timeout
        self._abandoned: list[_Attempt] = []

    def read(
        self, progress: Progress, *, full: bool = False, served: Served | None = None
    ) -> Reading:
        """Return what ``source`` reads; raise PollTimeout, and what ``source`` raises."""
        self._abandoned = [attempt for attempt in self._abandoned if attempt.alive]
        if len(self._abandoned) >= MOST_ABANDONED:
            raise PollTimeout(self._timeout, 0, len(self._abandoned))
        attempt = _Attempt(partial(self._source.read, full=full, served=served))
        deadline = time.monotonic() + self._timeout
        while (left := deadline + attempt.paused - time.monotonic()) > 0:
            if attempt.ended(min(left, _PROGRESS_EVERY)):
                return attempt.reading()
            progress()
        attempt.abandon()
        self._abandoned.append(attempt)
        raise PollTimeout(self._timeout, attempt.pages, 0)


class _Attempt:
    """One reading, in its own thread."""

    def __init__(self, read: Callable[[Progress], Reading]) -> None:
        self.pages = 0  # received so far
        self._read = read
        self._result: Reading | BaseException | None = None
        self._abandoned = False
        self._cancellation = Cancellation()
        self._ended = threading.Event()
        # daemon=True: a reading that hangs in the network does not delay the end of the process.
        self._thread = threading.Thread(target=self._run, name="reading", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            raise OSError(EAGAIN, f"no thread for the reading: {error}") from None

    @property
    def paused(self) -> float:
        """Seconds of its pauses, up to the one between two readings that have to agree."""
        return min(self._cancellation.paused, AGREED)

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return not self._ended.is_set()

    def ended(self, seconds: float) -> bool:
        """Return True as soon as the reading has ended, False after ``seconds``."""
        return self._ended.wait(seconds)

    def reading(self) -> Reading:
        """Return what was read; raise what the source raised."""
        result, self._result = self._result, None
        try:
            if isinstance(result, BaseException):
                raise result
            assert result is not None
            return result
        finally:
            del result  # the error's traceback refers to this frame: a cycle with all items read

    def abandon(self) -> None:
        """Make the reading end soon, and discard its result."""
        self._abandoned = True
        self._result = None
        self._cancellation.cancel()
        if self._thread.native_id is not None:
            kill_helpers_of(self._thread.native_id)

    def _progress(self) -> None:
        if self._abandoned:
            raise ReadingAbandoned
        self.pages += 1

    def _run(self) -> None:
        try:
            with self._cancellation:
                result: Reading | BaseException = self._read(self._progress)
        except BaseException as error:  # noqa: BLE001 - raised again in the refresher's thread
            result = error
        if not self._abandoned:
            self._result = result
        self._ended.set()
