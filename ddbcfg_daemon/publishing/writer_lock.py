"""The writer lock: at most one publisher for a store on this host.

A semaphore is not released when its holder is killed.  An flock is, by the kernel, so it is what
says who writes.  It is on an object of its own with mode 0600: whoever can open a file can lock it.
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


def _let_go() -> None:
    # A child that inherited the descriptor would keep the lock after this process is gone.
    for lock in list(_locks):
        lock.release()


os.register_at_fork(after_in_child=_let_go)


class WriterLock:
    """Holds the lock from construction to :meth:`release`, or the end of the process.

    Raises WriterLocked (its pid 0: the lock does not know, the page may) or ForeignObject.
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
                # The holder may have removed the name between our open and our lock.
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
                    continue  # another publisher was quicker: its lock must not be removed
            except OSError:
                # Somebody else's, or no file.  Either we may remove it, or this says whose it is.
                clear_the_way(path, name)
                continue
            status = os.fstat(fd)
            if (
                stat.S_ISREG(status.st_mode)
                and status.st_uid == self._access.uid
                and not status.st_mode & 0o077
            ):
                return fd
            # Others could open it, and so hold the lock.
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
        """Whether this is still the store's lock: its name can be removed and taken."""
        return self._fd >= 0 and self._has_name(self._fd)

    def renew(self) -> None:
        """Take the lock anew if somebody removed its name; raises WriterLocked if that failed."""
        if self._has_name(self._fd):
            return
        fd = self._take()
        os.close(self._fd)
        self._fd = fd

    def release(self) -> None:
        """Let the next publisher in.  The name stays: removing it would race with a newcomer."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
