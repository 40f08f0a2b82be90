"""Removing what a daemon left in shared memory of a store that is no longer served."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager

from ddbcfg_client.errors import ConfigError, RemovalRefused, StoreServed
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.daemon_socket import daemon_is_listening
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.status import daemon_state
from ddbcfg_client.shm.trust import SHM_DIR, Gone, Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ddbcfg_client.format.names import Names

_TRIES = 100


def objects_of(names: Names) -> list[str]:
    """Return the store's files in /dev/shm, in the order of their removal.

    The page is the first, so that no reader begins with a store that is half gone, and the writer
    lock is the last.
    """
    order = {names.page[1:]: 0, names.lock[1:]: 2}
    known = {f"sem.{names.semaphore[1:]}", names.requests[1:], names.admin[1:], *order}
    temporary = names.temporary_prefix[1:]
    found = [
        file
        for file in os.listdir(SHM_DIR)
        if file in known
        or file.startswith(temporary)
        or names.generation_of(f"/{file}") is not None
    ]
    return sorted(found, key=lambda file: (order.get(file, 1), file))


def is_pinned(names: Names, trust: Trust) -> bool:
    """Return whether the store was pinned when its daemon ended, as far as its page says."""
    return bool(_status_of(names, trust).pinned)


def remove(names: Names, trust: Trust) -> int:
    """Remove the store's objects; return how many there were.

    Readers that have the store keep what they have.  Raise StoreServed if a daemon serves it, and
    RemovalRefused, before anything is removed, if this user may not remove all.
    """
    _check_not_served(names, trust)
    found = objects_of(names)
    for file in found:
        _check_owner(names, file)
    if not found:
        return 0
    with _locked(names):
        # A daemon may have started before the lock was taken, or its lock's file was removed.
        _check_not_served(names, trust)
        for file in objects_of(names):
            _unlink(names, file)
    return len(found)


def _check_not_served(names: Names, trust: Trust) -> None:
    """Raise StoreServed if a daemon serves the store, also one in another PID namespace."""
    status = _status_of(names, trust)
    match daemon_state(status):
        case "running":
            raise StoreServed(names.store, status.daemon_pid)
        case "gone":
            return
    if daemon_is_listening(names, trust):
        raise StoreServed(names.store, 0)


def _status_of(names: Names, trust: Trust) -> PageStatus:
    try:
        return Page(names, trust).status()
    except (Gone, ConfigError):
        return PageStatus()


@contextmanager
def _locked(names: Names) -> Iterator[None]:
    """Hold the store's writer lock, so that no daemon takes the store over meanwhile."""
    for _ in range(_TRIES):
        fd = _open_lock(names)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise StoreServed(names.store, 0) from None
        try:
            if not _has_name(names, fd):
                continue  # a daemon replaced it between open() and flock()
            yield
            return
        finally:
            os.close(fd)
    raise StoreServed(names.store, 0)


def _open_lock(names: Names) -> int:
    path = SHM_DIR + names.lock
    for _ in range(_TRIES):
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                return os.open(path, flags, 0o600)
            except FileExistsError:
                continue
        except OSError:
            _unlink(names, names.lock[1:])  # not a file: no daemon holds it
            continue
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and not status.st_mode & 0o077:
            return fd
        # Any process can lock a file that it can open, so daemons do not use this one either.
        os.close(fd)
        _unlink(names, names.lock[1:])
    raise StoreServed(names.store, 0)


def _has_name(names: Names, fd: int) -> bool:
    try:
        there = os.lstat(SHM_DIR + names.lock)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def _check_owner(names: Names, file: str) -> None:
    try:
        owner = os.lstat(f"{SHM_DIR}/{file}").st_uid
    except FileNotFoundError:
        return
    if os.geteuid() not in (0, owner):
        raise RemovalRefused(names.store, f"/{file}", owner)


def _unlink(names: Names, file: str) -> None:
    path = f"{SHM_DIR}/{file}"
    try:
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            os.rmdir(path)
        else:
            os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        raise RemovalRefused(names.store, f"/{file}", status.st_uid) from None
