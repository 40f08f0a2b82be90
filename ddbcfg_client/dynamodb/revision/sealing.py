"""A revision of what is in the table, as two readings found it.

A reading is not one point in time, so a single one proves nothing.  If two agree, with a pause in
between that is longer than any transaction takes, they found the content of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ddbcfg_client.dynamodb.revision.access import Access, Item
from ddbcfg_client.dynamodb.revision.committing import commit
from ddbcfg_client.dynamodb.revision.content import Content, Entry, digest_of, total_of
from ddbcfg_client.dynamodb.revision.item import Revision
from ddbcfg_client.dynamodb.revision.record import (
    Plan,
    expiry_of,
    item_of_record,
    new_record,
)
from ddbcfg_client.dynamodb.revision.writing import (
    change_write,
    fits,
    part_writes,
    revision_write,
    stamp,
)
from ddbcfg_client.errors import StoreUnsettled

#: Seconds between the two readings, in which a transaction reaches all of its items.
SETTLED = 2.0
_READINGS = 30


def settled(access: Access, pause: float = SETTLED) -> Content:
    """Return the content on which two consistent readings agree; else raise ``StoreUnsettled``."""
    content = access.options(consistent=True)
    for _ in range(_READINGS - 1):
        access.wait(pause)
        again = access.options(consistent=True)
        if again == content:
            return again
        content = again
    place = access.place
    reason = f"{_READINGS} readings, {pause:g} s apart, all differ: stop its writers, try again"
    raise StoreUnsettled(place.table, place.store, reason)


def seal(
    access: Access,
    seen: Item,
    revision: Revision,
    content: Content,
    token: str,
    *,
    by: str,
    why: str,
    entries: Sequence[Entry] = (),
    plan: Plan | None = None,
    planned: int = 0,
    gap: bool = False,
    epoch: str = "",
) -> Revision | None:
    """Make the revision of ``content`` after ``revision``; return None if it was refused.

    Its log is empty.  ``plan`` has what an import wrote, ``entries`` has the other changes; ``gap``
    says that more changed.
    """
    place = access.place
    now = access.now()
    made = revision.following(
        digest=digest_of(total_of(content)),
        count=len(content),
        by=by,
        at=stamp(now),
        epoch=epoch or revision.epoch,
    )
    plans = (plan,) if plan is not None else ()
    record, pieces = new_record(made, entries, token, why, plans=plans, planned=planned, gap=gap)
    expiry = expiry_of(made, now)
    parts = part_writes(place, token, pieces, expiry)
    writes = [
        change_write(access, item_of_record(place, record, expiry)),
        revision_write(access, made, seen),
    ]
    if fits([*parts, *writes]):
        writes = [*parts, *writes]
    else:
        # No reader uses them before the revision names them.
        for part in parts:
            assert part.item is not None
            access.put_part(part.item)
    return made if commit(access, writes, token, made.rev) else None


def renewed(revision: Revision, parts: int | None = None) -> Revision:
    """Return the revision with another beat of its import, and perhaps its number of ``parts``."""
    pending = revision.pending
    assert pending is not None
    beat = pending.beat + 1
    parts = pending.parts if parts is None else parts
    return replace(revision, pending=replace(pending, beat=beat, parts=parts))


def proves(revision: Revision, content: Content) -> bool:
    """Whether ``content`` is that of the revision."""
    return revision.digest is not None and digest_of(total_of(content)) == revision.digest
