"""Take over a store: continue where the last publisher stopped, even if it was killed.

A killed publisher can leave a segment that was not announced, or one that was not removed in time.
The first becomes current, the second is removed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.daemon_socket import daemon_is_listening
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.status import daemon_state
from ddbcfg_client.shm.trust import Gone, Trust
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.segment_files import SegmentFiles
from ddbcfg_daemon.publishing.semaphore import PublishingSemaphore
from ddbcfg_daemon.publishing.shared_store import SharedStore
from ddbcfg_daemon.publishing.writer_lock import WriterLock


def take_lock(names: Names, access: Access, trust: Trust) -> WriterLock:
    """Take the store's writer lock.  Raise WriterLocked and ForeignObject."""
    check_not_served(names, trust)
    try:
        lock = WriterLock(names, access)
    except WriterLocked:
        raise _locked(names, _status_of_page(names, trust)) from None
    try:
        # The lock's file may have been removed while its holder runs: the page names the holder.
        check_not_served(names, trust)
    except BaseException:
        lock.release()
        raise
    return lock


def check_not_served(names: Names, trust: Trust) -> None:
    """Raise WriterLocked if a daemon that readers trust serves the store, under any user.

    The lock alone is not enough: root could replace the objects of another user's daemon.  If the
    page cannot show whether that daemon runs (another PID namespace, or no page), its socket does.
    """
    status = _status_of_page(names, trust)
    match daemon_state(status):
        case "running":
            serves = status.daemon_pid != os.getpid()
        case "gone":
            return
        case _:
            serves = daemon_is_listening(names, trust)
    if serves:
        raise _locked(names, status)


def _locked(names: Names, status: PageStatus) -> WriterLocked:
    # A pid of another PID namespace would name an unrelated process here.
    pid = 0 if daemon_state(status) == "hidden" else status.daemon_pid
    return WriterLocked(names.store, names.lock, pid)


def _status_of_page(names: Names, trust: Trust) -> PageStatus:
    try:
        return Page(names, trust).status()
    except (Gone, ConfigError):
        return PageStatus()


def take_over(names: Names, access: Access, trust: Trust, at: Callable[[str], None]) -> SharedStore:
    """Return the store in shared memory, for the holder of its writer lock.

    Raise ForeignObject, and the errors of creating a page.
    """
    page = WritablePage.adopt(names, access)
    with ExitStack() as undo:
        semaphore = PublishingSemaphore(names, access)
        undo.callback(semaphore.remove)
        undo.callback(semaphore.close)
        segments = SegmentFiles(names, access, trust, at)
        announced = 0 if page is None else page.generation
        whole = segments.newest_whole(announced)
        current = announced if whole is None else whole[0].header.generation
        # Before a new page is created: if /dev/shm is full, the old segments make room for it.
        segments.forget_all_but(current)
        if page is None:
            page = WritablePage.create(names, access, segments.replaced.reclaim)
            undo.callback(page.discard)
        store = SharedStore(names, page, segments, semaphore, at)
        if whole is not None:
            store.load(*whole)
        if current != announced:
            store.announce_again()
        page.put_in_place()
        # The next generation must be higher than any segment that is left, even without its page.
        store.advance(max([current, *segments.generations()]))
        at("unlink")
        store.release()
        store.complete_report()
        undo.pop_all()
    return store
