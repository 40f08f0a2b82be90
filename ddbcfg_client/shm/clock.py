"""The clock of ages: the host's CLOCK_BOOTTIME, which counts suspend and never jumps.

Daemon and reader can be in different time namespaces, where the clock has an offset.  All times in
shared memory are those of the host: without the offset.
"""

from __future__ import annotations

import os
import time

from ddbcfg_client.format import NEVER

_FIRST_NAMESPACE = 0xEFFFFFFA  # the inode of the one that Linux boots with; it has no offset
_ABSURD = 100 * 366 * 86400.0  # seconds of age; a hundred years

# The process that looked up the offset of its time namespace, and that offset in nanoseconds: a
# child may have been put into another namespace.  Replaced whole, as threads may be at it together.
_known = [(0, 0)]


def boottime() -> int:
    """Return now, in nanoseconds since the host was booted."""
    here, (pid, offset) = os.getpid(), _known[0]
    if pid != here:
        offset = _offset_here(offset)
        _known[0] = here, offset
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - offset


def _offset_here(otherwise: int) -> int:
    """The offset of this process's CLOCK_BOOTTIME (time_namespaces(7)); *otherwise* if unknown."""
    try:
        here = os.stat("/proc/self/ns/time").st_ino
        if here == _FIRST_NAMESPACE:
            return 0
        # The file below is about the namespace that children will be in, after unshare(2) another.
        if here != os.stat("/proc/self/ns/time_for_children").st_ino:
            return otherwise
        with open("/proc/self/timens_offsets", "rb") as file:
            for line in file:
                clock, seconds, nanoseconds = line.split()
                if clock in (b"boottime", b"7"):
                    return int(seconds) * 10**9 + int(nanoseconds)
    except (OSError, ValueError):
        pass  # no /proc, or a kernel without time namespaces
    return otherwise


def age_of(success: int) -> float | None:
    """Return seconds from *success* (see :func:`boottime`) to now.

    None when that is unknown, negative or absurd.
    """
    if success == NEVER:
        return None
    age = (boottime() - success) / 1e9
    return age if 0 <= age < _ABSURD else None
