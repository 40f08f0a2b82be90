"""What the polls of a store took and how they ended, counted since the refresher's start.

The refresher's thread counts, and the outputs read from other threads: each figure is one word, so
it is never torn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

#: Upper bounds in seconds.  A poll that finds nothing new takes milliseconds; 60 is the timeout.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Durations:
    """A histogram of durations in seconds."""

    def __init__(self) -> None:
        self.total = 0.0
        self._counts = [0] * (len(BOUNDS) + 1)

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Yield each bound, and how many durations were at most that long; infinity comes last."""
        yield from zip((*BOUNDS, float("inf")), accumulate(self._counts), strict=True)


class PollFigures:
    """The figures of one store.

    ``failures`` counts failed polls by the class name of their error, ``refusals`` the readings
    that a guard refused.
    """

    def __init__(self) -> None:
        self.polls = Durations()
        self.publishes = Durations()
        self.failures: Counter[str] = Counter()
        self.refusals = 0
