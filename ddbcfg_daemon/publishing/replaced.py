"""Segments that were replaced: they keep their names until no reader holds them.

A reader that idles holds the segment it last took up, and that memory counts against /dev/shm even
when no name shows it.  So a replaced segment is removed only when nobody has it open, which a write
lease tells; and when room runs out the oldest are cut short: a reader notices that with ``pread``,
and looks at the page again.
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
        self._held: set[int] = set()  # those of them that somebody had open when last looked at

    def add(self, generation: int) -> None:
        """Take over the segment of *generation*, which is not current any more."""
        self._generations.add(generation)

    def release(self) -> None:
        """Remove the segments that nobody holds."""
        self._generations -= {
            generation
            for generation in self._generations
            if _removed_unless_held(self._names.segment(generation))
        }
        self._held = set(self._generations)

    def reclaim(self) -> int | None:
        """Free memory: return None, or the bytes that are held if there was nothing to free.

        First what nobody holds; then the oldest of the others is cut short.
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
        """Return the memory of those that readers still held when it was last looked at."""
        total = 0
        for generation in self._held:
            try:
                status = path_of(self._names.segment(generation)).lstat()
            except OSError:
                continue
            total += status.st_blocks * 512
        return total


def _removed_unless_held(name: str) -> bool:
    """Remove the object unless somebody has it open; return whether it is gone."""
    path = path_of(name)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        # The signal for an opener that has to wait; the usual one, SIGIO, would end the process.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        try:
            # Granted only if no other description of the file is open, in any process.  A reader
            # that opens it now gets EAGAIN, and looks at the page again.
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            return False
        except OSError:
            pass  # no leases here: as if nobody held it; whoever does keeps its bytes
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(fd)  # the lease goes with it


def _cut_short(name: str) -> bool | None:
    """Remove the object with all of its memory, whoever holds it.

    Return whether it had any; None if it is still there.
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
        this = f"/proc/self/fd/{fd}"  # the object that is open, whatever has the name now
        try:
            os.truncate(this, 0)
        except PermissionError:
            os.fchmod(fd, 0o600)  # its mode keeps its owner, too, from writing
            os.truncate(this, 0)
    except OSError:
        return None
    finally:
        os.close(fd)
    path.unlink(missing_ok=True)
    return had
