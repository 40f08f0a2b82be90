"""Putting right what somebody removed or replaced in /dev/shm while a publisher serves."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.request_sockets import RequestSockets
from ddbcfg_daemon.publishing.shared_store import SharedStore


def repair(
    store: SharedStore, sockets: RequestSockets, new_page: Callable[[], WritablePage]
) -> list[str]:
    """Make anew what is missing; return what that was.

    *new_page* makes a page that is not in place yet.  Raises PublishError; the next repair tries
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
        # Its segment is as good as it was, and there may be no room for another.
        if store.has_segment:
            store.announce_again()
        else:
            store.publish_again()
        store.report(copy(store.reported))
        page.put_in_place()
    except BaseException:
        page.discard()
        store.page = old  # not in place: the next poll tries again
        raise
    # Last: a reader that sees it finds the new page in place and filled.
    store.at("retire")
    old.retire()
    store.sweep()
