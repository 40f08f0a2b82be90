"""The writer lock: at most one publisher for a store on this host.

A semaphore is not released when its holder is killed.  The kernel releases an flock, so an flock
decides which process writes.  It is on a separate object with mode 0600, because any process that
can open a file can lock it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from weakref import WeakSet

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.publishing.objects import (
    Access,
    clear_the_way,
    create_exclusively,
    foreign,
    path_of,
)

_TRIES = 100

_locks: WeakSet[WriterLock] = WeakSet()


def _release_all() -> None:
    # A child that inherited the descriptor would keep the lock after this process has ended.
    for lock in list(_locks):
        lock.release()


os.register_at_fork(after_in_child=_release_all)


class WriterLock:
    """Holds the lock from construction to ``release``, or the end of the process.

    Raises WriterLocked (with pid 0: only the page may know the holder) or ForeignObject.
    """

    def __init__(self, names: Names, access: Access) -> None:
        self._names = names
        self._access = access
        self._fd = self._take()
        _locks.add(self)

    def _take(self) -> int:
        for _ in range(_TRIES):
            fd = self._open()
            taken = False
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The last holder may have removed the file between our open() and flock().
                taken = self._has_name(fd)
            except BlockingIOError:
                raise WriterLocked(self._names.store, self._names.lock, 0) from None
            finally:
                if not taken:
                    os.close(fd)
            if taken:
                return fd
        raise WriterLocked(self._names.store, self._names.lock, 0)

    def _open(self) -> int:
        name = self._names.lock
        path = path_of(name)
        for _ in range(_TRIES):
            try:
                fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except FileNotFoundError:
                try:
                    return create_exclusively(name, self._access)
                except FileExistsError:
                    continue  # another publisher was faster: its lock must not be removed
            except OSError:
                # Another user's object, or not a file: remove it, or raise ForeignObject.
                clear_the_way(path, name)
                continue
            status = os.fstat(fd)
            if (
                stat.S_ISREG(status.st_mode)
                and status.st_uid == self._access.uid
                and not status.st_mode & 0o077
            ):
                return fd
            # Other users could open this file, and so hold the lock.
            os.close(fd)
            clear_the_way(path, name)
        raise foreign(name)

    def _has_name(self, fd: int) -> bool:
        try:
            there = path_of(self._names.lock).lstat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(fd))

    @property
    def held(self) -> bool:
        """Whether this is still the store's lock: the file can be removed, and another created."""
        return self._fd >= 0 and self._has_name(self._fd)

    def renew(self) -> None:
        """Take the lock again if its file was removed; raise WriterLocked if that fails."""
        if self._has_name(self._fd):
            return
        fd = self._take()
        os.close(self._fd)
        self._fd = fd

    def release(self) -> None:
        """Release the lock.  The file stays: removing it would race with the next publisher."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
