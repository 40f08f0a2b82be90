"""The clock of ages: CLOCK_BOOTTIME, which counts suspend and never jumps."""

from __future__ import annotations

import time

from ddbcfg_client.layout.page import NEVER

_ABSURD = 100 * 366 * 86400.0  # seconds of age; a hundred years


def boottime() -> int:
    """Now, in nanoseconds since the host was booted."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def age_of(success: int) -> float | None:
    """Seconds from *success* (CLOCK_BOOTTIME, ns) to now; None when unknown, negative or absurd."""
    if success == NEVER:
        return None
    age = (boottime() - success) / 1e9
    return age if 0 <= age < _ABSURD else None
