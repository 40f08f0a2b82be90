"""When a store's refresher polls: on schedule, on request, and when the source wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.errors import Held, LayersFailed
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.schedule import Schedule

_FORCED_GAP = 1.0  # minimum seconds between two polls, regardless of the number of requests


class Pace:
    """The times of one store's polls, and the sleep between them.

    ``requests`` ends a sleep early.  ``status`` says when the last poll started and how many have
    failed.  All times are in nanoseconds of CLOCK_BOOTTIME.
    """

    def __init__(self, interval: float, requests: PollRequests, status: PageStatus) -> None:
        self.schedule = Schedule(interval)
        self.due = boottime()  # the time of the next scheduled poll
        self.again_at: int | None = None  # when the source wants to be read, if before that
        self.sleeping = False
        self._requests = requests
        self._status = status
        self._progress_at = boottime()

    @property
    def silence(self) -> float:
        """Seconds since the loop last made progress, not counting its planned sleep."""
        # During a requested poll there is no planned sleep: the next due time may be an hour away.
        since = max(self._progress_at, self.due) if self.sleeping else self._progress_at
        return max(0.0, (boottime() - since) / 1e9)

    def progress(self) -> None:
        """Record that the loop makes progress."""
        self._progress_at = boottime()

    def want(self, seconds: float | None) -> None:
        """Poll again after so many seconds, if that is before the regular poll."""
        self.again_at = None if seconds is None else boottime() + round(seconds * 1e9)

    def ended(self, error: Exception | None, *, scheduled: bool) -> None:
        """Set the time of the next scheduled poll after one that ended with ``error``.

        Polls on request do not postpone it; otherwise readers could postpone it forever.
        """
        # A refusal is no reason to retry sooner: guards count polls at the regular interval.
        if error is not None and not isinstance(error, Held):
            retry = boottime() + round(self.schedule.retry(self._status.failures) * 1e9)
            self.due = retry if scheduled else min(self.due, retry)
            if not isinstance(error, LayersFailed):  # the other layers keep their times
                self.again_at = None
        elif scheduled:
            self.due = round(self.schedule.next_after(boottime() / 1e9) * 1e9)

    def sleep(self, stop: threading.Event, jobs: Callable[[], None] = lambda: None) -> bool:
        """Wait until a poll is due, requested or wanted by the source; return whether it is due.

        ``jobs`` is called in between if an operator requested something.
        If ``stop`` is set, the next wake-up ends the wait.
        """
        self.sleeping = True
        try:
            while not stop.is_set():
                now = boottime()
                left = (self.due - now) / 1e9
                if left <= 0:
                    return True
                if self._requests.jobs:
                    self.sleeping = False
                    self.progress()
                    jobs()
                    self.sleeping = True
                    continue
                if self.again_at is not None:
                    wanted = (self.again_at - now) / 1e9
                    if wanted <= 0:
                        return False
                    left = min(left, wanted)
                gap = (now - self._status.poll_started) / 1e9
                if not self._requests.pending:
                    self._requests.wait(left)
                elif gap < _FORCED_GAP:
                    self._requests.wait(min(left, _FORCED_GAP - gap))
                else:
                    return False
            return False
        finally:
            self.sleeping = False
            self.progress()
