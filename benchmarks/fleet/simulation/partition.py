"""The partition that serves a store: 3,000 read units a second, and no more."""

from __future__ import annotations

RATE = 3000.0  # read units a second
#: Seconds of its rate that a partition can serve at once.  The service promises less than it often
#: gives: up to five minutes of unused capacity, which no design should rely on.
BURST = 1.0


class Partition:
    """A token bucket.  While it has none, requests are throttled, and cost nothing.

    A request is served if there is anything left, and what it costs beyond that has to come in
    first.  The other rule, to serve only what there is enough for, would never serve a large
    request beside many small ones.
    """

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self.rate = rate
        self._most = rate * burst
        self._left = self._most
        self._at = 0.0
        self.granted = self.asked = 0.0
        self.requests = self.throttled = 0

    def take(self, now: float, units: float) -> bool:
        """Serve a request at *now*, which never goes back; return False if it is throttled."""
        self._left = min(self._most, self._left + (now - self._at) * self.rate)
        self._at = now
        self.requests += 1
        self.asked += units
        if self._left <= 0.0:
            self.throttled += 1
            return False
        self._left -= units
        self.granted += units
        return True
