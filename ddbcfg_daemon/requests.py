"""What clients can ask of the daemon: to poll now, and to accept what a guard refuses.

Two semaphores, which a client posts.  The daemon sleeps in the timed acquire of the first.
"""

from __future__ import annotations

import os
import time

import posix_ipc

from ddbcfg_client.layout.names import Names
from ddbcfg_daemon.objects import PRIVATE, Access, clear_the_way, path_of

_MOST = 1000  # requests taken at once


class Requests:
    """The request semaphores of one store, made anew; raises ForeignObject."""

    def __init__(self, names: Names, access: Access) -> None:
        self._names = names
        self._access = access
        self._make()

    def _make(self) -> None:
        group = self._access.group
        # Whoever may read may ask.
        self._reload = _make_semaphore(self._names.reload, self._access.may_ask, group, 0)
        # For the daemon's own user and root: it lets something through that a guard refused.
        self._accept = _make_semaphore(self._names.accept, PRIVATE, -1, 0)

    def renew(self) -> bool:
        """Make them anew if somebody removed one; whether somebody did."""
        names = (self._names.reload, self._names.accept)
        if all(path_of(name, semaphore=True).exists() for name in names):
            return False
        self._make()
        return True

    def wait(self, seconds: float) -> bool:
        """Sleep for *seconds*, or until somebody asks for a poll; whether somebody did."""
        try:
            self._reload.acquire(max(seconds, 0.0))
        except posix_ipc.BusyError:
            return False
        except posix_ipc.ExistentialError:
            time.sleep(min(seconds, 1.0))
            return False
        # Many who ask at once get one poll.
        _drain(self._reload)
        return True

    def nudge(self) -> None:
        """End a :meth:`wait`, from another thread."""
        self._reload.release()

    def take_acceptance(self) -> bool:
        """Whether an operator accepted what a guard may refuse; counts once."""
        return _drain(self._accept)

    def remove(self) -> None:
        """Take their names away."""
        for name in (self._names.reload, self._names.accept):
            path_of(name, semaphore=True).unlink(missing_ok=True)


def _make_semaphore(name: str, mode: int, group: int, value: int) -> posix_ipc.Semaphore:
    path = path_of(name, semaphore=True)
    clear_the_way(path, name)
    semaphore = posix_ipc.Semaphore(name, posix_ipc.O_CREX, mode=PRIVATE, initial_value=value)
    if group != -1:
        os.chown(path, -1, group, follow_symlinks=False)
    path.chmod(mode)
    return semaphore


def _drain(semaphore: posix_ipc.Semaphore) -> bool:
    """Take what has been posted; whether there was anything."""
    # Bounded: a neighbour may never stop posting.
    for taken in range(_MOST):
        try:
            semaphore.acquire(0)
        except posix_ipc.BusyError:
            return taken > 0
    return True
