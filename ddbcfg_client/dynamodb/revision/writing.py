"""A change of a few options: one transaction, which makes the next revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.limits import MAX_ACTIONS, MAX_TRANSACTION_BYTES
from ddbcfg_client.dynamodb.revision.access import Access, Item, Write
from ddbcfg_client.dynamodb.revision.committing import commit
from ddbcfg_client.dynamodb.revision.comparing import (
    ReadAt,
    SameOptions,
    Unchanged,
    check_read,
    check_unchanged,
)
from ddbcfg_client.dynamodb.revision.content import (
    Content,
    Entry,
    attributes_of_packed,
    digest_of,
    weight,
)
from ddbcfg_client.dynamodb.revision.item import (
    Pending,
    Revision,
    item_of,
    parse_revision,
    with_log,
)
from ddbcfg_client.dynamodb.revision.pending import Patience
from ddbcfg_client.dynamodb.revision.place import REVISION_OPTION, Place
from ddbcfg_client.dynamodb.revision.record import (
    Piece,
    expiry_of,
    item_of_record,
    new_record,
    part_item,
)
from ddbcfg_client.errors import (
    ChangeRefused,
    RevisionElsewhere,
    TransactionRefused,
)

#: Options of one transaction: two of its actions are the revision and its change item.
MOST_OPTIONS = MAX_ACTIONS - 2
_MOST_BYTES = MAX_TRANSACTION_BYTES - 700_000  # sizes are counted low
_TRIES = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0


@dataclass(frozen=True, slots=True)
class Change:
    """What to write: packed keys for each option, None to delete it.

    ``by`` is a name, or a function that looks it up: it is called only if there is a revision to
    name the writer in.  With ``if_absent`` nothing is written if one of the options is there.
    ``read`` has other options that it was made from.
    """

    options: Mapping[str, bytes | None]
    by: str | Callable[[], str]
    why: str = ""
    unchanged: Unchanged | SameOptions | None = None
    if_absent: bool = False
    read: ReadAt | None = None

    @property
    def author(self) -> str:
        """The name of the writer."""
        return self.by if isinstance(self.by, str) else self.by()


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: the revision that has it, and the options that it changed, if any."""

    epoch: str
    rev: int
    entries: tuple[Entry, ...]


class Refused(StrEnum):
    """Another writer was faster, or is changing the same options now."""

    REFUSED = "refused"


class TooLarge(Exception):
    """A change needs more than one transaction."""


def write_change(access: Access, change: Change) -> Written | None:
    """Write a change in one transaction; return None if the store has no revisions.

    Raise ``TooLarge`` if it needs several, ``ChangeConflict``, ``ImportPending``,
    ``ChangeRefused``, ``ChangeUncertain``, ``RevisionDamaged``, ``RevisionFormatUnknown``,
    ``RevisionElsewhere`` and ``TableError``.
    """
    access.place.check_writer()
    if not access.place.can_have_revisions:
        return None
    if len(change.options) > MOST_OPTIONS:
        raise TooLarge
    patience = Patience(access)
    token = access.token()
    refusals = 0
    while True:
        made = try_change(access, change, token)
        if isinstance(made, Pending):
            patience.wait(made)
            continue
        if not isinstance(made, Refused):
            return made
        refusals += 1
        if refusals == _TRIES:
            raise _refused_for_good(access)
        access.wait(access.jitter(min(_FIRST_PAUSE * 2**refusals, _LONGEST_PAUSE)))
        # The request was certainly refused, so the next attempt is a new request.
        token = access.token()


def try_change(access: Access, change: Change, token: str) -> Written | Pending | Refused | None:
    """Try once to write a change; return the pending import that prevents it, if there is one."""
    try:
        seen, before = access.together(sorted(change.options))
    except TransactionRefused as refused:
        if "ValidationError" in refused.reasons:
            raise TooLarge from None  # together they are more than a transaction can read
        return Refused.REFUSED
    if seen is None:
        return None
    revision = own_revision(access, seen)
    if revision.pending is not None:
        return revision.pending
    check_unchanged(access, revision, change.unchanged, change.options, before)
    check_read(access, revision, change.read)
    entries = entries_of(change.options, before)
    if not entries or (change.if_absent and before):
        return Written(revision.epoch, revision.rev, ())
    assert revision.digest is not None
    total = int.from_bytes(revision.digest, "big")
    total += sum(weight(e.name, e.after) - weight(e.name, e.before) for e in entries)
    count = revision.count + sum((e.after is not None) - (e.before is not None) for e in entries)
    made, writes = next_revision(
        access, seen, revision, entries, token, change, digest=digest_of(total), count=count
    )
    if not fits(writes):
        raise TooLarge
    if not commit(access, writes, token, made.rev):
        return Refused.REFUSED
    return Written(made.epoch, made.rev, entries)


def read_together(access: Access, options: Sequence[str]) -> tuple[Item | None, Content]:
    """Return the revision item and these options as they are at one point in time.

    Raise ``ChangeRefused`` if other transactions always use them, and ``TableError``.
    """
    for tries in range(_TRIES):
        try:
            return access.together(options)
        except TransactionRefused as refused:
            if "ValidationError" in refused.reasons:
                raise
            access.wait(access.jitter(min(_FIRST_PAUSE * 2**tries, _LONGEST_PAUSE)))
    raise _refused_for_good(access)


def _refused_for_good(access: Access) -> ChangeRefused:
    reason = f"other writers were faster {_TRIES} times; nothing was written: try again"
    return ChangeRefused(access.place.table, access.place.store, reason)


def own_revision(access: Access, seen: Item) -> Revision:
    """Return what the revision item says; raise if it is not this writer's to change."""
    place = access.place
    revision = parse_revision(place, seen)
    if revision.region and revision.region != access.region:
        reason = (
            f"its revisions are made in region {revision.region}, and this is {access.region}: "
            "write there"
        )
        raise RevisionElsewhere(place.table, place.store, reason)
    return revision


def entries_of(options: Mapping[str, bytes | None], before: Content) -> tuple[Entry, ...]:
    """Return what writing ``options`` changes."""
    entries = (Entry(name, before.get(name), options[name]) for name in sorted(options))
    return tuple(entry for entry in entries if entry.before != entry.after)


def next_revision(
    access: Access,
    seen: Item,
    revision: Revision,
    entries: Sequence[Entry],
    token: str,
    change: Change,
    *,
    digest: bytes,
    count: int,
    writes_options: bool = True,
) -> tuple[Revision, list[Write]]:
    """Return the revision after ``revision`` that ``entries`` make, and the transaction for it.

    It continues the log.
    """
    place = access.place
    now = access.now()
    made = revision.following(
        digest=digest, count=count, by=change.author, at=stamp(now), epoch=revision.epoch
    )
    log = [(made.rev, entry.name, entry.after) for entry in entries]
    earlier = revision.changes_after(revision.base)
    if earlier is None:
        earlier, base = [], revision.rev
    else:
        base = revision.base
    made = with_log(place, made, [*earlier, *log], base)
    record, pieces = new_record(made, entries, token, change.why)
    expiry = expiry_of(made, now)
    writes = []
    if writes_options:
        writes += [write_of(access, entry.name, entry.after) for entry in entries]
    writes += part_writes(place, token, pieces, expiry)
    writes.append(change_write(access, item_of_record(place, record, expiry)))
    writes.append(revision_write(access, made, seen))
    return made, writes


def write_of(access: Access, name: str, packed: bytes | None) -> Write:
    """Return the write of one option."""
    place = access.place
    if packed is None:
        return Write(name, None)
    keys = place.key_names.key(place.store, name)
    return Write(name, {**attributes_of_packed(packed), **keys})


def part_writes(place: Place, token: str, pieces: Sequence[Piece], expiry: Item) -> list[Write]:
    """Return the writes of the parts of a record."""
    items = (part_item(place, token, at, piece, expiry) for at, piece in enumerate(pieces))
    return [Write(item[place.key_names.option]["S"], item, home=True) for item in items]


def change_write(access: Access, item: Item) -> Write:
    """Return the write of a change item."""
    return Write(item[access.place.key_names.option]["S"], item, home=True)


def revision_write(access: Access, revision: Revision, seen: Item | None) -> Write:
    """Return the write of the revision item, which requires that it is still as it was ``seen``."""
    item = item_of(access.place, revision)
    return Write(REVISION_OPTION, item, home=True, guarded=True, seen=seen)


def fits(writes: Sequence[Write]) -> bool:
    """Whether one transaction has room for these writes."""
    size = sum(least_size(write.item) for write in writes if write.item is not None)
    return len(writes) <= MAX_ACTIONS and size <= _MOST_BYTES


def stamp(now: float) -> str:
    """Return a time as text, in UTC."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
