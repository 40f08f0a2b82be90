"""When to poll next: spread over the hosts, backing off while polls fail."""

from __future__ import annotations

import random

FIRST_RETRY = 2.0  # seconds; doubled with each further failure, up to the interval


class Schedule:
    """The pauses between the polls of one store; all in seconds."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._phased = False

    def regular(self) -> float:
        """The pause after a poll that went well.

        Spread, so that hosts that were started together do not poll together: a random phase after
        the first poll, 10 % more or less each time.
        """
        if not self._phased:
            self._phased = True
            return random.uniform(0.0, self.interval)
        return self.interval * random.uniform(0.9, 1.1)

    def retry(self, failures: int) -> float:
        """The pause after so many failed polls in a row: with jitter, at most the interval."""
        longest = min(self.interval, FIRST_RETRY * 2.0 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)
