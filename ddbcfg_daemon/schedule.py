"""When to poll next: hosts poll at different times, and failed polls are retried with backoff."""

from __future__ import annotations

import random
from math import floor

FIRST_RETRY = 2.0  # seconds; doubled with each further failure, up to the interval
_LATEST = 0.5  # seconds by which a poll is late at most, and a tenth of the interval at most


class Schedule:
    """The times of the polls of one store, in seconds.

    They are a grid: ``phase`` and each multiple of the interval after it.  The phase is random, so
    that hosts that were started together do not poll together.  Each poll is late by a random part
    of half a second, so that two hosts with one phase do not meet at every poll.  A random interval
    would spread them no better, and the slowest would see changes later.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.phase: float | None = None

    def next_after(self, now: float) -> float:
        """Return the time of the first regular poll after ``now``, when a poll succeeded."""
        if self.phase is None:
            self.phase = now + random.uniform(0.0, self.interval)
            return self.phase
        passed = floor((now - self.phase) / self.interval)
        jitter = random.uniform(0.0, min(_LATEST, self.interval / 10))
        return self.phase + (passed + 1) * self.interval + jitter

    def retry(self, failures: int) -> float:
        """Return the pause after ``failures`` failed polls in a row: jittered, at most interval."""
        longest = min(self.interval, FIRST_RETRY * 2.0 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)
