"""The changes of a store: the writer, the time, the values before, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ddbcfg_client.dynamodb.revision.access import Access
from ddbcfg_client.dynamodb.revision.comparing import Unchanged
from ddbcfg_client.dynamodb.revision.content import (
    Content,
    Entry,
    digest_of,
    total_of,
    weight,
    with_options,
)
from ddbcfg_client.dynamodb.revision.item import Revision
from ddbcfg_client.dynamodb.revision.place import change_option, revision_of
from ddbcfg_client.dynamodb.revision.record import (
    Record,
    entries_of_parts,
    parse_record,
)
from ddbcfg_client.dynamodb.revision.writing import Change, own_revision
from ddbcfg_client.errors import HistoryGap, RevisionMissing, StoreUnsettled

_READINGS = 5
_PAUSE = 2.0
_BATCH = 50  # change items in one request


@dataclass(frozen=True, slots=True)
class Past:
    """What the store was at a revision, and the one that it is at now."""

    rev: int
    content: Content
    now: Revision
    current: Content


def current_revision(access: Access) -> Revision:
    """Return the store's revision; raise ``RevisionMissing`` and the errors of parsing it."""
    seen = access.revision(consistent=True)
    if seen is None:
        place = access.place
        raise RevisionMissing(place.table, place.store, "the store has no revisions")
    return own_revision(access, seen)


def records(
    access: Access, *, since: int = 0, damaged: Callable[[HistoryGap], None] | None = None
) -> Iterator[Record]:
    """Yield the change items of the revisions above ``since`` that are on record, newest first.

    For a damaged one, call ``damaged`` and continue; without ``damaged``, raise ``HistoryGap``.
    """
    below = current_revision(access).rev + 1
    while items := access.changes_below(below, _BATCH):
        last = below
        for item in items:
            key = item[access.place.key_names.option]["S"]
            try:
                below = revision_of(key)
                if below <= since:
                    return
                record = parse_record(access.place, item)
            except ValueError as error:
                gap = _gap(access, below, f"{key} is {error}")
                if damaged is None:
                    raise gap from None
                damaged(gap)
                continue
            yield record
        if below == last:
            return  # only keys that are not of change items


def entries_of(access: Access, record: Record) -> list[Entry]:
    """Return the changes in a record; raise ``HistoryGap`` if its parts do not have them."""
    entries = list(record.entries or ())
    try:
        for plan in record.plans:
            entries += entries_of_parts(access.parts(plan), plan)
    except ValueError as error:
        raise _gap(access, record.rev, str(error)) from None
    return entries


def names_of(access: Access, record: Record) -> list[str]:
    """Return the options that changed according to a record, in order."""
    if record.names is not None:
        return sorted(record.names)
    return sorted({entry.name for entry in entries_of(access, record)})


def past(access: Access, rev: int) -> Past:
    """Return what the whole store was at revision ``rev``.

    It is the present store without the changes since then, proved by the digests on record.  Raise
    ``HistoryGap`` if the record does not lead back there, ``StoreUnsettled`` if the present store
    cannot be proved.
    """
    now, current = _proved(access)
    if rev > now.rev or rev < 1:
        raise _gap(access, rev, f"the store is at revision {now.rev}")
    content, total = dict(current), total_of(current)
    for number in range(now.rev, rev, -1):
        record = _record(access, number)
        if record.digest != digest_of(total):
            raise _gap(access, number, "it does not lead to what the store became")
        if record.gap:
            raise _gap(access, number - 1, f"what revision {number} changed is not all on record")
        entries = entries_of(access, record)
        for entry in reversed(entries):
            if content.get(entry.name) != entry.after:
                raise _gap(access, number, "it does not lead to what the store became")
            total += weight(entry.name, entry.before) - weight(entry.name, entry.after)
            content = with_options(content, [(entry.name, entry.before)])
    if rev != now.rev and (item := access.change(rev)) is not None:
        try:
            if parse_record(access.place, item).digest != digest_of(total):
                raise ValueError("its digest is another")
        except ValueError as error:
            raise _gap(access, rev, str(error)) from None
    return Past(rev, content, now, current)


def diff(access: Access, first: int, last: int) -> list[Entry]:
    """Return the changes from revision ``first`` to ``last``, in order of the names."""
    now = current_revision(access).rev
    if max(first, last) > now:
        raise _gap(access, max(first, last), f"the store is at revision {now}")
    changed: dict[str, tuple[bytes | None, bytes | None]] = {}
    for number in range(min(first, last) + 1, max(first, last) + 1):
        record = _record(access, number)
        if record.gap:
            raise _gap(access, number - 1, f"what revision {number} changed is not all on record")
        for entry in entries_of(access, record):
            before, _ = changed.get(entry.name, (entry.before, None))
            changed[entry.name] = (before, entry.after)
    pairs = changed.items() if first <= last else ((n, (b, a)) for n, (a, b) in changed.items())
    entries = (Entry(name, before, after) for name, (before, after) in sorted(pairs))
    return [entry for entry in entries if entry.before != entry.after]


def rollback(
    access: Access,
    to: int,
    *,
    by: str | Callable[[], str],
    why: str = "",
    options: Collection[str] | None = None,
) -> Change:
    """Return the change that makes the store, or only ``options`` of it, what it was at ``to``.

    It is not written yet.  It will not overwrite what others write until then.
    """
    return rollback_to(past(access, to), by=by, why=why, options=options)


def rollback_to(
    was: Past,
    *,
    by: str | Callable[[], str],
    why: str = "",
    options: Collection[str] | None = None,
) -> Change:
    """Return the change of ``rollback``, to the content at that revision."""
    names = was.content.keys() | was.current.keys() if options is None else set(options)
    wanted: Mapping[str, bytes | None] = {
        name: was.content.get(name)
        for name in sorted(names)
        if was.content.get(name) != was.current.get(name)
    }
    return Change(
        wanted,
        by,
        why or f"back to revision {was.rev}",
        unchanged=Unchanged(was.now.rev, was.now.epoch),
    )


def _proved(access: Access) -> tuple[Revision, Content]:
    for reading in range(_READINGS):
        if reading:
            access.wait(_PAUSE)
        content = access.options(consistent=True)
        revision = current_revision(access)
        if revision.digest == digest_of(total_of(content)):
            return revision, content
    place = access.place
    reason = (
        "the store is not what its revision says: a writer without revisions changed it, or "
        "an import is under way; make it one with 'ddbcfg-client revision sync', then try again"
    )
    raise StoreUnsettled(place.table, place.store, reason)


def _record(access: Access, rev: int) -> Record:
    item = access.change(rev)
    if item is None:
        raise _gap(access, rev - 1, f"the change item {change_option(rev)} is gone")
    try:
        return parse_record(access.place, item)
    except ValueError as error:
        raise _gap(access, rev - 1, f"{change_option(rev)} is {error}") from None


def _gap(access: Access, rev: int, reason: str) -> HistoryGap:
    place = access.place
    return HistoryGap(
        place.table,
        place.store,
        f"what the store was at revision {rev} is not known: {reason}",
        rev,
    )
