"""A change of many options: marked, planned, written in parts, sealed.

While ``pending`` is in the revision item, hosts keep what they have, and no other writer starts.
The plan, which has all values before and after, is written before the first option.  So a writer
that finds the import interrupted can finish it or take it back.  Each part's transaction requires
that ``pending`` is this writer's own, so an import that was taken over writes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ddbcfg_client.dynamodb.limits import MAX_ACTIONS
from ddbcfg_client.dynamodb.revision.access import Access, Item, Write
from ddbcfg_client.dynamodb.revision.comparing import check_read, check_unchanged
from ddbcfg_client.dynamodb.revision.content import Content, Entry, differences, with_options
from ddbcfg_client.dynamodb.revision.holding import Held, put_revision, units_of
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, item_of
from ddbcfg_client.dynamodb.revision.pending import Patience
from ddbcfg_client.dynamodb.revision.record import Plan, expiry_of, part_item, pieces_of
from ddbcfg_client.dynamodb.revision.sealing import (
    proves,
    seal,
    settled,
)
from ddbcfg_client.dynamodb.revision.writing import (
    Change,
    TooLarge,
    Written,
    entries_of,
    own_revision,
    write_change,
    write_of,
)
from ddbcfg_client.errors import (
    ChangeRefused,
    ConfigError,
    ImportInterrupted,
)

#: Options of one part; its transaction has room for the revision, too.
PART_OPTIONS = MAX_ACTIONS - 3
PART_UNITS = 400  # write units of one part; a transaction counts twice
#: Write units a second: a partition has 1,000, and others write too.
PACE = 500.0
_TRIES = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


def write(access: Access, change: Change, *, pace: float = PACE) -> Written | None:
    """Write a change of any size as one; return None if the store has no revisions.

    In one transaction if it fits, else in parts: then also raise ``ImportInterrupted``, after which
    hosts keep the revision before, and ``StoreUnsettled``.
    """
    try:
        return write_change(access, change)
    except TooLarge:
        return write_import(access, change, pace=pace)


def write_import(access: Access, change: Change, *, pace: float = PACE) -> Written | None:
    """Write a change in parts, all of which are one revision."""
    access.place.check_writer()
    if not access.place.can_have_revisions:
        return None
    token = access.token()
    try:
        begun = begin(access, change, token)
    except (ConfigError, KeyboardInterrupt):
        _take_back_mark(access, token)
        raise
    if begun is None:
        return None
    held = Held(access, *begun)
    written, total = 0, len(change.options)
    try:
        before = _before(access, held.revision)
        check_unchanged(access, held.revision, change.unchanged, change.options, before)
        check_read(access, held.revision, change.read)
        entries = entries_of(change.options, before)
        total = len(entries)
        if not entries or (change.if_absent and before.keys() & change.options.keys()):
            held.release()
            return Written(held.revision.epoch, held.revision.rev, ())
        plan = write_plan(access, held, entries)
        for part in parts_of(access, entries):
            held.write_part(part, pace)
            written += len(part)
        content = settled(access)
        made = seal_import(access, held, change.author, change.why, plan, before, entries, content)
        return Written(made.epoch, made.rev, entries)
    except (ConfigError, KeyboardInterrupt) as error:
        # Before the plan is whole, no option is written, so others need not wait.
        if not held.pending.parts and held.try_release():
            raise
        place = access.place
        reason = ": ".join(filter(None, (type(error).__name__, str(error))))
        raise ImportInterrupted(place.table, place.store, reason, written, total) from error


def _take_back_mark(access: Access, token: str) -> None:
    """Remove this import's mark, which may have been written although no response came."""
    try:
        seen = access.revision(consistent=True)
        revision = None if seen is None else own_revision(access, seen)
        if seen and revision and revision.pending and revision.pending.token == token:
            Held(access, seen, revision).release()
    except ConfigError:
        pass  # the error of the mark says more


def begin(access: Access, change: Change, token: str) -> tuple[Item, Revision] | None:
    """Mark that an import is under way; return the new revision item, None without revisions."""
    patience = Patience(access)
    for tries in range(_TRIES):
        while True:
            seen = access.revision(consistent=True)
            if seen is None:
                return None
            revision = own_revision(access, seen)
            if revision.pending is None:
                break
            patience.wait(revision.pending)
        marked = replace(revision, pending=Pending(token, change.author, plan=token))
        if put_revision(access, marked, seen):
            return item_of(access.place, marked), marked
        access.wait(access.jitter(min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE)))
    reason = f"other writers were faster {_TRIES} times; nothing was written: try again"
    raise ChangeRefused(access.place.table, access.place.store, reason)


def _before(access: Access, revision: Revision) -> Content:
    """Return what the store is before an import.

    One reading may have half of the last transaction, and the plan would then undo it.
    """
    content = access.options(consistent=True)
    return content if proves(revision, content) else settled(access)


def write_plan(access: Access, held: Held, entries: Sequence[Entry]) -> Plan:
    """Write the plan; after that, others can finish the import."""
    token = held.pending.plan
    expiry = expiry_of(held.revision, access.now())
    count = 0
    for piece in pieces_of(entries):
        access.put_part(part_item(access.place, token, count, piece, expiry))
        count += 1
        if not piece.more:
            held.renew()
    held.renew(parts=count)
    return Plan(token, count)


def parts_of(access: Access, entries: Sequence[Entry]) -> Iterator[list[Write]]:
    """Yield the writes of the entries in parts, additions first and removals last.

    So the table never has fewer options than both before and after.
    """
    part: list[Write] = []
    units = 0
    for entry in sorted(entries, key=lambda entry: entry.after is None):
        write = write_of(access, entry.name, entry.after)
        more = units_of([write])
        if part and (len(part) == PART_OPTIONS or units + more > PART_UNITS):
            yield part
            part, units = [], 0
        part.append(write)
        units += more
    if part:
        yield part


def seal_import(
    access: Access,
    held: Held,
    by: str,
    why: str,
    plan: Plan | None,
    before: Content,
    entries: Sequence[Entry],
    content: Content,
) -> Revision:
    """Make the revision that has the import; ``content`` is what the table holds now.

    ``before`` is what it held, so changes of other writers in the meantime are on record, too.
    """
    expected = with_options(before, ((entry.name, entry.after) for entry in entries))
    revision = held.revision
    made = seal(
        access,
        held.seen,
        revision,
        content,
        access.token(),
        by=by,
        why=why,
        plan=plan,
        planned=len(entries),
        entries=differences(expected, content),
        gap=not proves(revision, before),
    )
    if made is None:
        reason = "another writer has taken this import over"
        raise ChangeRefused(access.place.table, access.place.store, reason)
    return made
