"""The scribe: revisions for what writers changed that do not know the protocol.

One round reads the store and the revision.  What two readings agree on and no revision explains
becomes one.  A scribe that remembers what the store was records what changed; one that does not
records a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ddbcfg_client.dynamodb.revision.access import GUARDED, Access, Item
from ddbcfg_client.dynamodb.revision.committing import commit
from ddbcfg_client.dynamodb.revision.content import Content, differences, digest_of, total_of
from ddbcfg_client.dynamodb.revision.following import Known, caught_up
from ddbcfg_client.dynamodb.revision.item import Revision
from ddbcfg_client.dynamodb.revision.sealing import SETTLED, seal
from ddbcfg_client.dynamodb.revision.writing import Change, fits, next_revision, own_revision

_ROUNDS = 3
WHY = "changed by a writer that keeps no revision"


class Found(StrEnum):
    """What a round found."""

    UNCHANGED = "unchanged"
    REVISED = "revised"
    PENDING = "import pending"
    BUSY = "busy"
    NOTHING = "no revision"


@dataclass(frozen=True, slots=True)
class Synced:
    """What a round found, and what to remember for the next one.

    ``names`` are the options of a new revision; None if it is not known which changed.
    """

    found: Found
    known: Known | None
    names: tuple[str, ...] | None = ()


def sync(access: Access, known: Known | None, *, by: str, why: str = WHY) -> Synced:
    """Do one round; *known* is what the last one remembers.  Raise what `write_change` raises."""
    for _ in range(_ROUNDS):
        seen = access.revision(consistent=True)
        if seen is None:
            return Synced(Found.NOTHING, None)
        revision = own_revision(access, seen)
        if revision.pending is not None:
            return Synced(Found.PENDING, known)
        content = access.options(consistent=True)
        total = total_of(content)
        if digest_of(total) == revision.digest:
            return Synced(Found.UNCHANGED, _remembered(revision, content, total))
        # A transaction that was on its way has arrived on all its items then.
        access.wait(SETTLED)
        again = access.options(consistent=True)
        after = access.revision(consistent=True)
        if again != content or not _same(seen, after):
            continue
        if synced := _revise(access, seen, revision, known, again, by, why):
            return synced
    return Synced(Found.BUSY, known)


def _revise(
    access: Access,
    seen: Item,
    revision: Revision,
    known: Known | None,
    content: Content,
    by: str,
    why: str,
) -> Synced | None:
    """Make *content* a revision; return None if another writer was faster."""
    known = caught_up(access, known, revision) if known is not None else None
    entries = differences(known.options, content) if known is not None else ()
    token = access.token()
    total = total_of(content)
    if known is not None:
        made, writes = next_revision(
            access,
            seen,
            revision,
            entries,
            token,
            Change({}, by, why),
            digest=digest_of(total),
            count=len(content),
            writes_options=False,
        )
        if fits(writes):
            if not commit(access, writes, token, made.rev):
                return None
            names = tuple(entry.name for entry in entries)
            return Synced(Found.REVISED, _remembered(made, content, total), names)
    gap = known is None
    sealed = seal(access, seen, revision, content, token, by=by, why=why, entries=entries, gap=gap)
    if sealed is None:
        return None
    found = None if gap else tuple(entry.name for entry in entries)
    return Synced(Found.REVISED, _remembered(sealed, content, total), found)


def _remembered(revision: Revision, content: Content, total: int) -> Known:
    assert revision.digest is not None
    return Known(revision.epoch, revision.rev, revision.digest, content, total)


def _same(seen: Item, after: Item | None) -> bool:
    return after is not None and all(seen.get(name) == after.get(name) for name in GUARDED)
