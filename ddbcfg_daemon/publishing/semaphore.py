"""The named semaphore that a publisher holds while it announces a generation.

Tools can hold it to inspect a store without an announcement in between.  It does not decide which
daemon may publish: the writer lock does, because a semaphore is not released when its holder is
killed.
"""

from __future__ import annotations

import errno
import logging
import os
import time

import posix_ipc

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.errors import ShmRefused
from ddbcfg_daemon.publishing.objects import (
    PRIVATE,
    Access,
    clear_the_way,
    foreign,
    no_space,
    path_of,
)

log = logging.getLogger("ddbcfg.daemon")

# Only this daemon and an operator's tool can hold it: the mode is 0600 and the writer lock is ours.
_TIMEOUT = 1.0  # seconds
_SIZE = 32  # bytes of a semaphore (glibc); tmpfs needs a page for them


class PublishingSemaphore:
    """The semaphore of one store; only the holder of its writer lock may use this class.

    It is always created again: an existing semaphore may still be held by a publisher that was
    killed, and this cannot be detected.  Raises ForeignObject.
    """

    def __init__(self, names: Names, access: Access) -> None:
        self._name = names.semaphore
        self._access = access
        self._semaphore = _made_anew(self._name, access)

    def acquire(self) -> None:
        """Take the semaphore; replace it by a new one if its holder does not release it.

        The writer lock is ours, so the holder was killed, or is an operator's tool that is stuck.
        """
        try:
            self._wait()
            return
        except posix_ipc.BusyError:
            log.warning("semaphore %s was not released by its holder; recreating it", self._name)
        except posix_ipc.Error as error:
            log.warning("semaphore %s: %s; recreating it", self._name, error)
        self._semaphore.close()
        self._semaphore = _made_anew(self._name, self._access)
        self._wait()

    def _wait(self) -> None:
        """Wait for the semaphore; raise BusyError after the timeout."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                self._semaphore.acquire(max(0.0, deadline - time.monotonic()))
                return
            except posix_ipc.SignalError:
                pass  # a signal interrupted the wait: try again

    def release(self) -> None:
        """Release the semaphore."""
        self._semaphore.release()

    def close(self) -> None:
        """Close it in this process; the semaphore itself stays, free."""
        self._semaphore.close()

    def remove(self) -> None:
        """Remove its name."""
        path_of(self._name, semaphore=True).unlink(missing_ok=True)


def _made_anew(name: str, access: Access) -> posix_ipc.Semaphore:
    """Create a free semaphore; replace any object with its name.

    Only the publisher's user has access to it.  Raise ForeignObject, NoSpace and ShmRefused.
    """
    path = path_of(name, semaphore=True)
    clear_the_way(path, name)
    try:
        semaphore = posix_ipc.Semaphore(name, posix_ipc.O_CREX, mode=PRIVATE, initial_value=1)
    except posix_ipc.ExistentialError:  # another process created it in the meantime
        raise foreign(f"/sem.{name[1:]}") from None
    except OSError as error:  # what posix_ipc has no class for
        if error.errno == errno.ENOSPC:
            raise no_space(f"/sem.{name[1:]}", _SIZE) from None
        raise ShmRefused(f"/sem.{name[1:]}", error.errno or 0) from None
    try:
        if access.owner != -1:
            os.chown(path, access.owner, access.group, follow_symlinks=False)
        path.chmod(PRIVATE)
    except BaseException:
        semaphore.close()
        path.unlink(missing_ok=True)
        raise
    return semaphore
