"""A moment that stays meaningful after a reboot, for the age of the copy on disk.

Within one boot, CLOCK_BOOTTIME is right even if the wall clock is changed.  After a reboot only the
wall clock is left, and it may be wrong before or after: a host without a battery boots in 1970.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ddbcfg_client.shm.clock import boottime

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> bytes:
    """Return the 16 bytes that identify this boot of the host; 16 zeros if unknown."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text().replace("-", "").strip())[:16].ljust(16, b"\0")
    except (OSError, ValueError):
        return bytes(16)


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks, in nanoseconds: wall clock, and time since ``boot`` began."""

    unix: int
    boottime: int
    boot: bytes

    @classmethod
    def now(cls) -> Moment:
        """Return this moment."""
        return cls(time.time_ns(), boottime(), boot_id())

    @classmethod
    def before(cls, age: int) -> Moment:
        """Return the moment ``age`` nanoseconds ago, which may be before this boot."""
        now = cls.now()
        boot = now.boot if age <= now.boottime else bytes(16)
        return cls(now.unix - age, max(0, now.boottime - age), boot)

    def packed(self) -> list[object]:
        """Return it as it is stored in a head."""
        return [self.unix, self.boottime, self.boot]

    @classmethod
    def of(cls, stored: object) -> Moment | None:
        """Return the moment from which ``packed`` made ``stored``; None if it is not valid."""
        match stored:
            case [int(unix), int(since_boot), bytes(boot)]:
                return cls(unix, since_boot, boot)
        return None

    def age(self) -> int:
        """Return the nanoseconds since this moment.

        After a reboot, the age depends on the wall clock, but is at least the time since this boot.
        """
        now = boottime()
        if any(self.boot) and self.boot == boot_id() and self.boottime <= now:
            return now - self.boottime
        return max(time.time_ns() - self.unix, now)
