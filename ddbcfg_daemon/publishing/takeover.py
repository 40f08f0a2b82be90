"""Taking a store over: go on where the last publisher stopped, whatever stopped it.

What a publisher that was killed leaves, an unannounced segment or one that was unlinked too late,
is made current or removed here.
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
    """Take the store's writer lock.  Raises WriterLocked and ForeignObject."""
    respect_who_serves(names, trust)
    try:
        lock = WriterLock(names, access)
    except WriterLocked:
        raise _locked(names, _status_of_page(names, trust)) from None
    try:
        # The lock's name may have been removed while its holder lives: the page knows him.
        respect_who_serves(names, trust)
    except BaseException:
        lock.release()
        raise
    return lock


def respect_who_serves(names: Names, trust: Trust) -> None:
    """Raise WriterLocked when a daemon that readers trust serves the store, whoever runs it.

    Its lock says so to its own user; root could put its own objects in the place of another's.
    Where the page cannot say whether it runs, in another PID namespace or with the page removed,
    its socket does.
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
    # A number from another PID namespace would mean some other process here.
    pid = 0 if daemon_state(status) == "hidden" else status.daemon_pid
    return WriterLocked(names.store, names.lock, pid)


def _status_of_page(names: Names, trust: Trust) -> PageStatus:
    try:
        return Page(names, trust).status()
    except (Gone, ConfigError):
        return PageStatus()


def take_over(names: Names, access: Access, trust: Trust, at: Callable[[str], None]) -> SharedStore:
    """Return the store as the holder of its writer lock has it.

    Raises ForeignObject, and what making a page raises.
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
        # Room for a new page is taken from these, and not from what it is to lead to.
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
        # Generations go on growing, past every segment that is left of a page that is gone.
        store.advance(max([current, *segments.generations()]))
        at("unlink")
        store.release()
        store.complete_report()
        undo.pop_all()
    return store
