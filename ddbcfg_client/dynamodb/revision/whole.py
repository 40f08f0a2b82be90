"""The whole store at one point in time, to compare it with a file or write it to one.

A reading during a change can have half of it.  So a reading must be proved by the revision, or
found twice.  A pending import is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

from ddbcfg_client.dynamodb.revision.access import Access
from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.item import Revision, parse_revision
from ddbcfg_client.dynamodb.revision.pending import Patience
from ddbcfg_client.dynamodb.revision.sealing import SETTLED, proves
from ddbcfg_client.errors import StoreUnsettled

_READINGS = 10


@dataclass(frozen=True, slots=True)
class Whole:
    """Every option of a store, packed, and the revision that it was read at."""

    revision: Revision
    content: Content


def whole(access: Access) -> Whole | None:
    """Return the whole store; None if it has no revisions.

    Raise ``ImportPending`` if an import does not end, ``StoreUnsettled`` if the store keeps
    changing, and the errors of parsing and reading a revision item.
    """
    if not access.place.can_have_revisions:
        return None
    patience = Patience(access)
    last: Whole | None = None
    readings = 0
    while readings < _READINGS:
        # Read first, so that a change during the reading is one after this revision.
        seen = access.revision(consistent=True)
        if seen is None:
            return None
        revision = parse_revision(access.place, seen)
        if revision.pending is not None:
            patience.wait(revision.pending)
            last = None
            continue
        found = Whole(revision, access.options(consistent=True))
        # If two readings agree and no revision explains them, a writer without revisions made the
        # change.
        if proves(revision, found.content) or found == last:
            return found
        last = found
        readings += 1
        access.wait(SETTLED)
    place = access.place
    reason = f"{_READINGS} readings, {SETTLED:g} s apart, all differ: stop its writers, try again"
    raise StoreUnsettled(place.table, place.store, reason)
