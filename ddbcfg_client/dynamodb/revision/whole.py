"""The whole store as it was at one time, for what compares a file with it or writes it to one.

A reading during a change can have half of it.  So what is read is proved by the revision, or found
twice; an import that is under way is waited for.
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

    Raise ``ImportPending`` if an import does not end, ``StoreUnsettled`` if the store does not keep
    still, and the errors of parsing and reading a revision item.
    """
    if not access.place.can_have_revisions:
        return None
    patience = Patience(access)
    last: Whole | None = None
    readings = 0
    while readings < _READINGS:
        # Read first: what changes during the reading is a change after this revision.
        seen = access.revision(consistent=True)
        if seen is None:
            return None
        revision = parse_revision(access.place, seen)
        if revision.pending is not None:
            patience.wait(revision.pending)
            last = None
            continue
        found = Whole(revision, access.options(consistent=True))
        # What two readings find that no revision explains is of a writer that keeps none.
        if proves(revision, found.content) or found == last:
            return found
        last = found
        readings += 1
        access.wait(SETTLED)
    place = access.place
    reason = f"{_READINGS} readings, {SETTLED:g} s apart, all differ: stop its writers, try again"
    raise StoreUnsettled(place.table, place.store, reason)
