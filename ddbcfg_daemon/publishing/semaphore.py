"""The named semaphore that a publisher holds while it announces a generation.

It is for tools that want to look on undisturbed.  Who may publish is said by the writer lock, for a
semaphore is not released when its holder is killed.
"""

from __future__ import annotations

import logging
import os
import time

import posix_ipc

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.objects import PRIVATE, Access, clear_the_way, foreign, path_of

log = logging.getLogger("ddbcfg.daemon")

# How long to wait for it.  Only this daemon and an operator's tool can hold it, since the mode is
# 0600 and the writer lock is ours.
_TIMEOUT = 1.0


class PublishingSemaphore:
    """The semaphore of one store.  To be used by the holder of its writer lock.

    It is made anew at the start: nobody can tell whether one that is left is free or was held by a
    publisher that was killed.  Raises ForeignObject.
    """

    def __init__(self, names: Names, access: Access) -> None:
        self._name = names.semaphore
        self._access = access
        self._semaphore = _made_anew(self._name, access)

    def acquire(self) -> None:
        """Take the semaphore; a new one if its holder does not let go of it.

        The writer lock is held, so the holder was killed, or is an operator's tool that is stuck.
        """
        try:
            self._wait()
            return
        except posix_ipc.BusyError:
            log.warning("the semaphore %s was left held; it is made anew", self._name)
        except posix_ipc.Error as error:
            log.warning("semaphore %s: %s; it is made anew", self._name, error)
        self._semaphore.close()
        self._semaphore = _made_anew(self._name, self._access)
        self._wait()

    def _wait(self) -> None:
        """Wait for the semaphore; raise BusyError when the time is up."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                self._semaphore.acquire(max(0.0, deadline - time.monotonic()))
                return
            except posix_ipc.SignalError:
                pass  # a signal that was handled: it says nothing about the holder

    def release(self) -> None:
        """Let the next one have it."""
        self._semaphore.release()

    def close(self) -> None:
        """Let go of it; it stays, free."""
        self._semaphore.close()

    def remove(self) -> None:
        """Take its name away."""
        path_of(self._name, semaphore=True).unlink(missing_ok=True)


def _made_anew(name: str, access: Access) -> posix_ipc.Semaphore:
    """Make a new, free semaphore in the place of whatever has the name; raises ForeignObject.

    For the publisher's user alone.
    """
    path = path_of(name, semaphore=True)
    clear_the_way(path, name)
    try:
        semaphore = posix_ipc.Semaphore(name, posix_ipc.O_CREX, mode=PRIVATE, initial_value=1)
    except posix_ipc.ExistentialError:  # somebody is quick
        raise foreign(f"/sem.{name[1:]}") from None
    try:
        if access.owner != -1:
            os.chown(path, access.owner, access.group, follow_symlinks=False)
        path.chmod(PRIVATE)
    except BaseException:
        semaphore.close()
        path.unlink(missing_ok=True)
        raise
    return semaphore
