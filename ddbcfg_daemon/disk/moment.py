"""A moment that outlives a boot: an age counted from it is right where any clock can tell.

CLOCK_BOOTTIME is right within one boot, whatever is done to the wall clock.  Over a boot only the
wall clock is left, and it may be wrong at either end: a host without a battery boots in 1970.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ddbcfg_client.shm.clock import boottime

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> bytes:
    """Return the 16 bytes that name this boot of the host; 16 zeros when they are not known."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text().replace("-", "").strip())[:16].ljust(16, b"\0")
    except (OSError, ValueError):
        return bytes(16)


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks, in nanoseconds: of the wall clock, and since *boot* began."""

    unix: int
    boottime: int
    boot: bytes

    @classmethod
    def now(cls) -> Moment:
        """Return this moment."""
        return cls(time.time_ns(), boottime(), boot_id())

    def age(self) -> int:
        """Return the nanoseconds since then: at least those, if the wall clock was changed.

        What was before this boot is no younger than the boot, whatever the wall clock says.
        """
        now = boottime()
        if any(self.boot) and self.boot == boot_id() and self.boottime <= now:
            return now - self.boottime
        return max(time.time_ns() - self.unix, now)
