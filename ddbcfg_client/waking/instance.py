"""The inotify instance of this process, shared by all its waiters.

A user has only 128 instances on most hosts (``fs.inotify.max_user_instances``), so a process has
one.  Each waiter waits for the instance and for its own wakeup.  The first waiter that runs after
an event reads it, which ends the event for all others, and rings their wakeups.
"""

from __future__ import annotations

import os
from weakref import ref

from ddbcfg_client.waking.bell import Bell
from ddbcfg_client.waking.inotify import add_watch, new_instance, remove_watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.waking.bell import Wakeup


class Instance:
    """An inotify instance, closed when no Config and no waiter refers to it any more.

    It is not closed after each wait, because the kernel takes milliseconds for that.
    """

    __slots__ = ("__weakref__", "_identity", "bell", "fd", "pid")

    def __init__(self) -> None:
        """Raise OSError if the user has no instance left, or this process no descriptor."""
        self.fd = -1
        self.pid = os.getpid()
        self.bell = Bell()
        self.fd = new_instance()
        self._identity = _identity_of(self.fd)

    def is_usable(self) -> bool:
        """Return whether this process made it, and did not close its descriptor since.

        A forked child must not read the events of its parent.
        """
        return self.pid == os.getpid() and self._is_open()

    def watch(self, path: bytes) -> int:
        """Return the number of the watch for the file at ``path``; raise OSError."""
        return add_watch(self.fd, path)

    def forget(self, watch: int) -> None:
        """Remove a watch."""
        remove_watch(self.fd, watch)

    def clear(self, wakeup: Wakeup | None) -> None:
        """Read events, and ring all wakeups except ``wakeup`` if there were any.

        If more are left than one call reads, the instance stays readable.
        """
        if not self.is_usable():
            return
        try:
            os.read(self.fd, 4096)
        except OSError:
            return  # no event: another waiter was faster
        self.bell.ring(but=wakeup)

    def _is_open(self) -> bool:
        # A program that becomes a daemon closes all descriptors, and the number can then belong to
        # something else.
        try:
            return _identity_of(self.fd) == self._identity
        except OSError:
            return False

    def __del__(self) -> None:
        if self.fd >= 0 and self._is_open():
            os.close(self.fd)


def _identity_of(fd: int) -> tuple[int, int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino, status.st_mode


_current: ref[Instance] | None = None


def instance_of_this_process() -> Instance:
    """Return the instance, a new one after a fork; raise OSError.

    Two threads that call this first at the same time can get two, which costs nothing but one more.
    """
    global _current  # noqa: PLW0603 - one for each process
    instance = None if _current is None else _current()
    if instance is None or not instance.is_usable():
        instance = Instance()
        _current = ref(instance)
    return instance
