"""How long a host waits before it reads a whole store."""

from __future__ import annotations


def pause_in_doubt(doubtful: int, full_interval: float) -> float:
    """Return the seconds until the next full reading after so many ``doubtful`` ones in a row."""
    return {1: 10.0, 2: 60.0}.get(doubtful, full_interval)


def longest_delay(fleet: int, units: float, interval: float) -> float:
    """Return the most seconds to wait before a full reading of ``units`` after a change.

    A host waits any part of them, so that a fleet's readings are no more than a partition serves.
    """
    return max(0.0, fleet * units / 2400.0 - interval)
