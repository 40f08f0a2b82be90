"""Deletion of old values, which can be secrets, from change items, parts and the log."""

from __future__ import annotations

from ddbcfg_client.dynamodb.revision.access import Access, Item, Write
from ddbcfg_client.dynamodb.revision.holding import put_revision
from ddbcfg_client.dynamodb.revision.item import Revision, with_log
from ddbcfg_client.dynamodb.revision.place import revision_of
from ddbcfg_client.dynamodb.revision.record import parse_record
from ddbcfg_client.dynamodb.revision.writing import own_revision
from ddbcfg_client.errors import ChangeRefused, RevisionMissing

_TRIES = 10
_BATCH = 50


def purge(access: Access, *, before: int) -> int:
    """Delete the records of the revisions below ``before``; return how many revisions they were of.

    Parts of imports that never became a revision go too.  Raise ``RevisionMissing``, and
    ``ChangeRefused`` if other writers are always faster.
    """
    # Listed first, so that parts written from now on, by later revisions, stay.
    parts = access.part_options()
    revision = _trim_log(access, before)
    kept = set()
    if revision.pending is not None:
        kept.add(revision.pending.plan)
    gone, rev = 0, revision.rev + 1
    while items := access.changes_below(rev, _BATCH):
        last = rev
        for item in items:
            option = item[access.place.key_names.option]["S"]
            try:
                rev = revision_of(option)
            except ValueError:
                continue  # it was written by hand and is not a change item
            if rev >= before:
                kept.update(_tokens_of(access, item))
            else:
                _delete(access, option)
                gone += 1
        if rev == last:
            break
    for part in parts:
        if part.split("/")[1] not in kept:
            _delete(access, part)
    return gone


def _trim_log(access: Access, before: int) -> Revision:
    """Remove the revisions below ``before`` from the log; return the new revision."""
    place = access.place
    for _ in range(_TRIES):
        seen = access.revision(consistent=True)
        if seen is None:
            raise RevisionMissing(place.table, place.store, "the store has no revisions")
        revision = own_revision(access, seen)
        base = max(revision.base, min(before - 1, revision.rev))
        if base == revision.base:
            return revision
        log = revision.changes_after(base) or []
        trimmed = with_log(place, revision, log, base)
        if put_revision(access, trimmed, seen):
            return trimmed
        access.wait(access.jitter(1.0))
    reason = f"other writers were faster {_TRIES} times; nothing was deleted: try again"
    raise ChangeRefused(place.table, place.store, reason)


def _tokens_of(access: Access, item: Item) -> set[str]:
    try:
        return {plan.token for plan in parse_record(access.place, item).plans}
    except ValueError:
        return set()


def _delete(access: Access, option: str) -> None:
    access.commit([Write(option, None, home=True)], access.token())
