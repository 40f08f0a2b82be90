"""Waiting for a control page in shared memory, with inotify.

The publisher changes the times of the page's file after it has stored a generation.  That is an
event for each process that watches the file, of any user and through a read-only mount.  A daemon
that was killed raises no event for a page that is replaced later, so every waiter also looks once a
second.
"""

from __future__ import annotations

import errno
import os

from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.reporting import log
from ddbcfg_client.shm.trust import SHM_DIR
from ddbcfg_client.waking.instance import instance_of_this_process
from ddbcfg_client.waking.waiter import LOOK_EVERY, LOOK_OFTEN, Waiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.attachment import Attachment
    from ddbcfg_client.page_follower import PageFollower
    from ddbcfg_client.waking.instance import Instance

# A retry is needed only if the page was created or replaced between two steps.
_TRIES = 3

_REASONS = {
    errno.EMFILE: "this user has no inotify instance left (sysctl fs.inotify.max_user_instances), "
    "or this process no descriptor",
    errno.ENOSPC: "this user has no inotify watch left (sysctl fs.inotify.max_user_watches)",
    errno.EACCES: "this process may no longer read the control page",
}


class PageWaiter(Waiter):
    """Pauses until the publisher announces something on a follower's page."""

    def __init__(self, follower: PageFollower) -> None:
        super().__init__(follower)
        self._follower = follower
        self._path = os.fsencode(SHM_DIR + follower._names.page)
        self._instance: Instance | None = None

    def look(self) -> Attachment:
        """Watch the page, *then* load its current generation.

        The publisher stores a generation first and raises the event then.  So a generation that is
        announced too late for this look raises an event that this waiter gets.
        """
        for _ in range(_TRIES):
            watch = self._watch()
            unavailable = None
            try:
                found = self._follower._latest()
                page = found.page
            except SnapshotUnavailable as error:
                unavailable, page = error, self._follower._view[4].page
            is_there = page is not None and page.in_place()
            if is_there == (watch is not None):
                break
            # The page was created or replaced meanwhile.  Or another user's object has its name,
            # who must not be able to wake waiters.
            if watch is not None and self._instance is not None:
                self._instance.forget(watch)
            elif self._follower._deaf is not None:
                break
            self._follower._name_check_at = 0.0
        if page is None:
            # Nothing can be watched but the folder, in which any user can create files.
            self.period = LOOK_OFTEN
        if unavailable is not None:
            raise unavailable
        return found

    def _watch(self) -> int | None:
        """Watch the file that has the page's name; return the watch's number, None without one."""
        self.period = LOOK_OFTEN if self.wakeup is None else LOOK_EVERY
        watch = deaf = None
        try:
            if self._instance is None or not self._instance.is_usable():
                self._instance = None
                self.hang_on(None)
                self._instance = self._follower._instance = instance_of_this_process()
                self.hang_on(self._instance.bell)
            watch = self._instance.watch(self._path)
        except FileNotFoundError:
            pass
        except OSError as error:
            self.period = LOOK_OFTEN
            reason = _REASONS.get(error.errno or 0, error.strerror)
            deaf = f"{reason}; it looks every {LOOK_OFTEN:g} s instead of being woken"
            if self._follower._deaf is None:
                log("warning", f"{self._follower!r} waits without inotify: {deaf}")
        self._follower._deaf = deaf
        return watch

    def descriptors(self) -> list[int]:
        """Return the descriptors that wake this waiter when one of them is readable."""
        descriptors = super().descriptors()
        if self._instance is not None and self._instance.is_usable():
            descriptors.append(self._instance.fd)
        return descriptors

    def clear(self) -> None:
        """Be ready to be woken again, and wake the other waiters that the same event is for."""
        super().clear()
        if self._instance is not None:
            self._instance.clear(self.wakeup)
