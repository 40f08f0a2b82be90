"""The end of an import that was interrupted, of a damaged revision item, and of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ddbcfg_client.dynamodb.revision.access import Access, Item
from ddbcfg_client.dynamodb.revision.content import Content, Entry, differences, with_options
from ddbcfg_client.dynamodb.revision.holding import Held, last_change, put_revision
from ddbcfg_client.dynamodb.revision.importing import PACE, parts_of
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, item_of
from ddbcfg_client.dynamodb.revision.pending import DEAD, Watch
from ddbcfg_client.dynamodb.revision.record import Plan, entries_of_parts
from ddbcfg_client.dynamodb.revision.sealing import proves, seal, settled
from ddbcfg_client.dynamodb.revision.writing import own_revision
from ddbcfg_client.errors import (
    ChangeRefused,
    ImportPending,
    RevisionDamaged,
    RevisionError,
    RevisionMissing,
)

#: Seconds after which no request of the last writer is still in transit.
FENCED = 10.0
_LOOK = 5.0


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done: the revision that ends it, and how many options were written for it."""

    revision: Revision
    written: int


def repair(
    access: Access,
    *,
    by: str,
    why: str = "",
    take_back: bool = False,
    new_epoch: bool = False,
    pace: float = PACE,
) -> Repaired | None:
    """Finish a stopped import, or take it back; return None if there is nothing to do.

    A damaged revision item is replaced by one in a new epoch, and with ``new_epoch`` also a valid
    one: for a table that was restored.  Raise ``RevisionMissing``, ``ImportPending`` if the import
    makes progress, ``ChangeRefused`` if another writer was faster, ``StoreUnsettled``.
    """
    place = access.place
    seen = access.revision(consistent=True)
    if seen is None:
        raise RevisionMissing(place.table, place.store, "the store has no revisions")
    token = access.token()
    try:
        revision = own_revision(access, seen)
    except RevisionDamaged:
        # Nothing of it is used, so the next revision is above all that are on record.
        revision = Revision("", last_change(access), None)
        new_epoch = True
    if revision.pending is not None:
        seen, revision = _dead(access, seen, revision)
    elif not new_epoch:
        return None
    before = revision.pending or Pending(token, by)
    epoch = access.token() if new_epoch else revision.epoch
    pending = replace(before, token=token, by=by, beat=before.beat + 1)
    taken = replace(revision, pending=pending, epoch=revision.epoch or epoch)
    if not put_revision(access, taken, seen):
        reason = (
            "another writer was faster; nothing was changed: see 'ddbcfg-client revision status'"
        )
        raise ChangeRefused(place.table, place.store, reason)
    held = Held(access, item_of(place, taken), taken)
    access.wait(FENCED)
    return _end(access, held, by, why, epoch, pace, take_back=take_back)


def _dead(access: Access, seen: Item, revision: Revision) -> tuple[Item, Revision]:
    """Return the revision item after its import made no progress for long enough."""
    place = access.place
    watch = Watch()
    pending = revision.pending
    while pending is not None:
        now = access.monotonic()
        if watch.last is not None and pending != watch.last:
            reason = f"the import by {pending.by} makes progress: there is nothing to repair"
            raise ImportPending(place.table, place.store, reason)
        if watch.still_for(pending, now) >= DEAD:
            return seen, revision
        access.wait(_LOOK)
        found = access.revision(consistent=True)
        if found is None:
            raise RevisionMissing(place.table, place.store, "the store no longer has revisions")
        seen, revision = found, own_revision(access, found)
        pending = revision.pending
    reason = "the import has ended: there is nothing to repair"
    raise ImportPending(place.table, place.store, reason)


def _end(
    access: Access, held: Held, by: str, why: str, epoch: str, pace: float, *, take_back: bool
) -> Repaired:
    pending = held.pending
    planned: list[Entry] = []
    plan = None
    if pending.parts:
        plan = Plan(pending.plan, pending.parts)
        try:
            planned = entries_of_parts(access.parts(plan), plan)
        except ValueError as error:
            if epoch == held.revision.epoch:
                raise _damaged(access, error) from None
            plan = None  # in a new epoch, only the content of the table counts
    found = access.options(consistent=True)
    wanted = [Entry(e.name, e.after, e.before) for e in planned] if take_back else planned
    # An option that another writer changed meanwhile is neither, and stays.
    todo = [entry for entry in wanted if found.get(entry.name) == entry.before]
    for part in parts_of(access, todo):
        held.write_part(part, pace)
    content = settled(access, FENCED)
    what = "took an import back" if take_back else "finished an import"
    why = why or (what if planned else "repaired")
    made = _seal(access, held, by, why, epoch, content, planned, None if take_back else plan)
    return Repaired(made, len(todo))


def _damaged(access: Access, error: ValueError) -> RevisionError:
    place = access.place
    reason = (
        f"the plan of the import cannot be read ({error}): write what the store should be, then "
        "begin a new epoch with 'ddbcfg-client revision repair --new-epoch'"
    )
    return RevisionError(place.table, place.store, reason)


def _seal(
    access: Access,
    held: Held,
    by: str,
    why: str,
    epoch: str,
    content: Content,
    planned: Sequence[Entry],
    plan: Plan | None,
) -> Revision:
    names = {entry.name for entry in planned}
    rest = {name: packed for name, packed in content.items() if name not in names}
    base = with_options(rest, ((entry.name, entry.before) for entry in planned))
    expected = base
    if plan is not None:
        expected = with_options(rest, ((entry.name, entry.after) for entry in planned))
    made = seal(
        access,
        held.seen,
        held.revision,
        content,
        access.token(),
        by=by,
        why=why,
        plan=plan,
        planned=len(planned) if plan is not None else 0,
        entries=differences(expected, content),
        gap=not proves(held.revision, base),
        epoch=epoch,
    )
    if made is None:
        place = access.place
        reason = "another writer has taken over the repair: see 'ddbcfg-client revision status'"
        raise ChangeRefused(place.table, place.store, reason)
    return made
