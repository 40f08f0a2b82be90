"""Compare-and-set: whether options are what they were when their new values were made.

It is safe among writers that follow the protocol.  A change of any other writer is seen when it has
become a revision.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ddbcfg_client.dynamodb.revision.access import Access
from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.item import Revision
from ddbcfg_client.dynamodb.revision.record import entries_of_parts, parse_record
from ddbcfg_client.errors import ChangeConflict


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The revision that a change was made from; its epoch too, if that is known."""

    rev: int
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class SameOptions:
    """The options that a change was made from: packed keys, None for one that did not exist.

    An option that is not in it must not exist.
    """

    options: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class ReadAt:
    """Options on which a change also depends, as they were at a revision; None for all."""

    unchanged: Unchanged
    options: Collection[str] | None


def check_read(access: Access, revision: Revision, read: ReadAt | None) -> None:
    """Raise ``ChangeConflict`` if what was read has changed since."""
    if read is not None:
        check_unchanged(access, revision, read.unchanged, read.options, {})


def check_unchanged(
    access: Access,
    revision: Revision,
    unchanged: Unchanged | SameOptions | None,
    options: Collection[str] | None,
    before: Content,
) -> None:
    """Raise ``ChangeConflict`` if one of ``options`` changed since.

    With a revision, None means all options of the store.  ``before`` has the present options.  The
    error is also raised if the record does not say what changed.
    """
    if unchanged is None:
        return
    if isinstance(unchanged, SameOptions):
        was = unchanged.options
        met = sorted(name for name in options or () if before.get(name) != was.get(name))
        if met:
            why = f"{_listed(met)} changed since the options were read"
            raise _conflict(access, why, None, revision, met)
        return
    same_epoch = unchanged.epoch in ("", revision.epoch)
    if same_epoch and unchanged.rev == revision.rev:
        return
    changed: set[str] | None = None
    if same_epoch and unchanged.rev < revision.rev:
        changed = _changed_after(access, revision, unchanged.rev)
    met = sorted(changed or () if options is None else (changed or set()).intersection(options))
    if changed is not None and not met:
        return
    why = f"{_listed(met)} changed meanwhile" if met else "what changed meanwhile is not on record"
    made_from = f"the change was made from revision {unchanged.rev}, the store is at {revision.rev}"
    raise _conflict(access, f"{made_from}, and {why}", unchanged.rev, revision, met)


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (" and more" if len(names) > 5 else "")


def _conflict(
    access: Access, why: str, expected: int | None, revision: Revision, met: list[str]
) -> ChangeConflict:
    place = access.place
    reason = f"{why}; nothing was written: read again, then decide"
    return ChangeConflict(place.table, place.store, reason, expected, revision.rev, tuple(met))


#: The most revisions whose change items are read, each with a request.
_MOST = 100


def _changed_after(access: Access, revision: Revision, rev: int) -> set[str] | None:
    """Return the names that changed after ``rev``; None if that is not on record."""
    log = revision.changes_after(rev)
    if log is not None:
        return {name for _, name, _ in log}
    if revision.rev - rev > _MOST:
        return None
    names: set[str] = set()
    for number in range(rev + 1, revision.rev + 1):
        item = access.change(number)
        try:
            if item is None:
                return None
            record = parse_record(access.place, item)
            if record.epoch != revision.epoch or record.gap:
                return None
            if record.names is not None:
                names.update(record.names)
                continue
            entries = list(record.entries or ())
            for plan in record.plans:
                entries += entries_of_parts(access.parts(plan), plan)
        except ValueError:
            return None
        names.update(entry.name for entry in entries)
    return names
