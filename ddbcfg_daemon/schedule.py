"""When to poll next: hosts poll at different times, and failed polls are retried with backoff."""

from __future__ import annotations

import random

FIRST_RETRY = 2.0  # seconds; doubled with each further failure, up to the interval


class Schedule:
    """The pauses between the polls of one store; all in seconds."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._phased = False

    def regular(self) -> float:
        """Return the pause after a successful poll.

        The first pause is a random part of the interval, later ones vary by 10 %, so that hosts
        that were started together do not poll together.
        """
        if not self._phased:
            self._phased = True
            return random.uniform(0.0, self.interval)
        return self.interval * random.uniform(0.9, 1.1)

    def retry(self, failures: int) -> float:
        """Return the pause after ``failures`` failed polls in a row: jittered, at most interval."""
        longest = min(self.interval, FIRST_RETRY * 2.0 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)
