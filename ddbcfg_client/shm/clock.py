"""The clock for ages: the host's CLOCK_BOOTTIME, which includes suspend and never jumps.

Daemon and reader can be in different time namespaces, in which this clock has an offset.  All times
in shared memory are the host's, without the offset.
"""

from __future__ import annotations

import os
import time

from ddbcfg_client.format import NEVER

_FIRST_NAMESPACE = 0xEFFFFFFA  # inode of the initial time namespace, which has no offset
# Where there is no such clock, there is no daemon either, and only this process uses the times.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_ABSURD = 100 * 366 * 86400.0  # an age in seconds: a hundred years

# The pid of the process that looked up the offset of its time namespace, and the offset in
# nanoseconds.  The pid is compared because a child can be in another namespace.  The tuple is
# replaced as a whole, because several threads can do this at once.
_known = [(0, 0)]


def boottime() -> int:
    """Return the current time in nanoseconds since the host was booted."""
    here, (pid, offset) = os.getpid(), _known[0]
    if pid != here:
        offset = _offset_here(offset)
        _known[0] = here, offset
    return time.clock_gettime_ns(_CLOCK) - offset


def _offset_here(otherwise: int) -> int:
    """Return the offset of this process's CLOCK_BOOTTIME; ``otherwise`` if it is not known.

    See time_namespaces(7).
    """
    try:
        here = os.stat("/proc/self/ns/time").st_ino
        if here == _FIRST_NAMESPACE:
            return 0
        # The file below describes the namespace of future children, which unshare(2) can change.
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
    """Return the seconds from ``success`` (see ``boottime``) to now.

    Return None if that is unknown, negative or absurdly large.
    """
    if success == NEVER:
        return None
    age = (boottime() - success) / 1e9
    return age if 0 <= age < _ABSURD else None
