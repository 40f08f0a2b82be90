"""Replaced segments: they keep their names until no reader holds them.

An idle reader holds the segment that it read last, and this memory counts against /dev/shm even if
the segment has no name.  So a replaced segment is removed only when no process has it open; a write
lease tests that.  If /dev/shm is full, the oldest replaced segments are truncated.  A reader
notices this, because it reads with ``pread``, and looks at the page again.
"""

from __future__ import annotations

import fcntl
import os
import signal

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.objects import path_of


class ReplacedSegments:
    """The replaced segments of one store that are still in /dev/shm, by their generations."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._generations: set[int] = set()
        self._held: set[int] = set()  # those that a reader had open at the last check

    def add(self, generation: int) -> None:
        """Add the segment of ``generation``, which is no longer current."""
        self._generations.add(generation)

    def release(self) -> None:
        """Remove the segments that no reader holds."""
        self._generations -= {
            generation
            for generation in self._generations
            if _removed_unless_held(self._names.segment(generation))
        }
        self._held = set(self._generations)

    def reclaim(self) -> int | None:
        """Free memory and return None; if there is nothing to free, return the bytes that are held.

        First remove the segments that no reader holds; if there are none, truncate the oldest one.
        """
        before = len(self._generations)
        self.release()
        if len(self._generations) < before:
            return None
        for generation in sorted(self._generations):
            freed = _cut_short(self._names.segment(generation))
            if freed is not None:
                self._generations.discard(generation)
                self._held.discard(generation)
            if freed:
                return None
        return self.held_bytes()

    def held_bytes(self) -> int:
        """Return the memory in bytes of the segments that readers held at the last check."""
        total = 0
        for generation in self._held:
            try:
                status = path_of(self._names.segment(generation)).lstat()
            except OSError:
                continue
            total += status.st_blocks * 512
        return total


def _removed_unless_held(name: str) -> bool:
    """Remove the object unless another process has it open; return whether it is gone."""
    path = path_of(name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        # The kernel sends this signal when another process opens the file.  The default, SIGIO,
        # would end the process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        try:
            # Granted only if no process has the file open elsewhere.  A reader that opens it during
            # the lease gets EAGAIN, and looks at the page again.
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            return False
        except OSError:
            pass  # leases are not supported: remove it anyway; a reader that has it open keeps it
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(fd)  # this ends the lease


def _cut_short(name: str) -> bool | None:
    """Truncate the object to free its memory, even if readers have it open, and remove it.

    Return whether it had any memory; None if it could not be removed.
    """
    path = path_of(name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        had = os.fstat(fd).st_blocks > 0
        this = f"/proc/self/fd/{fd}"  # the open object, even if another one has the name now
        try:
            os.truncate(this, 0)
        except PermissionError:
            os.fchmod(fd, 0o600)  # the mode did not allow its owner to write
            os.truncate(this, 0)
    except OSError:
        return None
    finally:
        os.close(fd)
    path.unlink(missing_ok=True)
    return had
