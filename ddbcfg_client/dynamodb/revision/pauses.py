"""How long a host waits before it reads a whole store."""

from __future__ import annotations


def pause_in_doubt(doubtful: int, full_interval: float) -> float:
    """Return the seconds to the next full reading after ``doubtful`` ones in a row in doubt."""
    return {1: 10.0, 2: 60.0}.get(doubtful, full_interval)


def longest_delay(fleet: int, units: float, interval: float) -> float:
    """Return the most seconds to wait before a full reading of ``units`` after a change.

    A host waits a random part of them, so that the readings of a fleet fit the limit of a
    partition.
    """
    return max(0.0, fleet * units / 2400.0 - interval)
