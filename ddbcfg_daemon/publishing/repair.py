"""Recreate objects in /dev/shm that were removed or replaced while a publisher serves."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.request_sockets import RequestSockets
from ddbcfg_daemon.publishing.shared_store import SharedStore


def repair(
    store: SharedStore, sockets: RequestSockets, new_page: Callable[[], WritablePage]
) -> list[str]:
    """Recreate the missing objects; return their names for the log.

    ``new_page`` creates a page that is not in place yet.  Raise PublishError; the next call tries
    again.
    """
    missing = []
    if not store.page.in_place():
        missing.append("the control page")
        _replace_page(store, new_page)
    elif not (store.is_empty or store.has_segment):
        missing.append("the snapshot segment")
        store.publish_again()
        store.sweep()
    if sockets.renew():
        missing.append("the request sockets")
    return missing


def _replace_page(store: SharedStore, new_page: Callable[[], WritablePage]) -> None:
    old = store.page
    store.at("new page")
    page = new_page()
    store.page = page
    try:
        # The segment is still valid, and there may be no space for another.
        if store.has_segment:
            store.announce_again()
        else:
            store.publish_again()
        store.report(copy(store.reported))
        page.put_in_place()
    except BaseException:
        page.discard()
        store.page = old  # it is not in place, so the next poll tries again
        raise
    # Last: a reader of the retired page finds the new one in place and complete.
    store.at("retire")
    old.retire()
    store.sweep()
