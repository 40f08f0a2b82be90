"""The first revision of a store, its settings, and the end of its revisions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ddbcfg_client.dynamodb.revision.access import Access, Item, Write
from ddbcfg_client.dynamodb.revision.holding import Held, last_change, put_revision
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, item_of, parse_revision
from ddbcfg_client.dynamodb.revision.place import RESERVED, REVISION_OPTION
from ddbcfg_client.dynamodb.revision.sealing import seal, settled
from ddbcfg_client.dynamodb.revision.writing import own_revision
from ddbcfg_client.errors import (
    ChangeRefused,
    ConfigError,
    ImportPending,
    NameRefused,
    RevisionError,
    RevisionMissing,
    TransactionRefused,
)

#: Seconds after which the last retry of a writer that found no revision has ended.
GRACE = 60.0
_BEAT = 10.0
_PAUSE = 10.0  # between two readings that have to agree
MOST_KEPT = 3650  # days


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a store's revisions; the revision item describes each."""

    fleet: int = 0
    ttl: str = ""
    keep: int = 0
    region: str = ""

    def check(self, access: Access) -> None:
        """Raise NameRefused or RevisionError if they are not possible."""
        place = access.place
        if bool(self.ttl) != bool(self.keep):
            reason = "a TTL attribute and a number of days to keep change items go together"
            raise RevisionError(place.table, place.store, reason)
        if not 0 <= self.keep <= MOST_KEPT or self.fleet < 0:
            reason = (
                f"change items are kept for 1 to {MOST_KEPT} days, and a fleet has 0 hosts or more"
            )
            raise RevisionError(place.table, place.store, reason)
        if self.ttl in RESERVED or self.ttl in place.key_names:
            raise NameRefused(
                "TTL attribute", self.ttl, "is the name of another attribute of the protocol"
            )


def enable(access: Access, settings: Settings, *, by: str, why: str = "") -> Revision:
    """Make the first revision of a store, or change the settings of a store with revisions.

    It takes a minute; if it is interrupted, the store has no revisions.  Raise ``ChangeRefused`` if
    another writer was faster, ``ImportPending``, ``StoreUnsettled``.
    """
    access.place.check()
    settings.check(access)
    seen = access.revision(consistent=True)
    if seen is not None:
        return _with_settings(access, settings)
    token = access.token()
    marked = Revision(
        epoch=access.token(),
        # Above all existing change items, which keep the numbers of their revisions.
        rev=last_change(access),
        digest=None,
        region=settings.region or access.region,
        fleet=settings.fleet,
        ttl=settings.ttl,
        keep=settings.keep,
        pending=Pending(token, by),
    )
    try:
        if not put_revision(access, marked, None):
            raise _faster(access)
        return _first(access, marked, by, why or "revisions begin")
    except (ConfigError, KeyboardInterrupt) as error:
        if _given_up(access, token):
            raise
        reason = (
            f"the first revision was interrupted ({type(error).__name__}), which could not be "
            "undone: writers wait until 'ddbcfg-client revision repair' has ended it"
        )
        raise ImportPending(access.place.table, access.place.store, reason) from error


def _first(access: Access, marked: Revision, by: str, why: str) -> Revision:
    held = Held(access, item_of(access.place, marked), marked)
    # A writer that has just found no revision may still be writing.
    waited = 0.0
    while waited < GRACE:
        access.wait(_BEAT)
        waited += _BEAT
        held.renew()
    content = settled(access, _PAUSE)
    made = seal(access, held.seen, held.revision, content, access.token(), by=by, why=why, gap=True)
    if made is None:
        raise _faster(access)
    return made


def _given_up(access: Access, token: str) -> bool:
    """Remove a mark that no revision has followed, so that no writer waits for it."""
    try:
        seen = access.revision(consistent=True)
        pending = None if seen is None else parse_revision(access.place, seen).pending
        if pending is None or pending.token != token:
            return True
        access.commit([_removal(seen)], access.token())
    except ConfigError:
        return False
    return True


def _removal(seen: Item | None) -> Write:
    return Write(REVISION_OPTION, None, home=True, guarded=True, seen=seen)


def _with_settings(access: Access, settings: Settings) -> Revision:
    for _ in range(10):
        seen = access.revision(consistent=True)
        if seen is None:
            raise _faster(access)
        revision = own_revision(access, seen)
        if revision.pending is not None:
            raise _pending(access, revision.pending)
        changed = replace(
            revision,
            fleet=settings.fleet,
            ttl=settings.ttl,
            keep=settings.keep,
            region=settings.region or access.region,
        )
        if put_revision(access, changed, seen):
            return changed
        access.wait(access.jitter(1.0))
    raise _faster(access)


def disable(access: Access) -> int:
    """End a store's revisions, and return the last one; hosts then read the whole store again.

    The change items stay.  Raise ``RevisionMissing``, ``ImportPending``, ``ChangeRefused``.
    """
    place = access.place
    seen = access.revision(consistent=True)
    if seen is None:
        raise RevisionMissing(place.table, place.store, "the store has no revisions")
    revision = own_revision(access, seen)
    if revision.pending is not None:
        raise _pending(access, revision.pending)
    try:
        access.commit([_removal(seen)], access.token())
    except TransactionRefused:
        if access.revision(consistent=True) is not None:
            raise _faster(access) from None
    return revision.rev


def _pending(access: Access, pending: Pending) -> ImportPending:
    reason = (
        f"an import by {pending.by}, or the first revision, is under way; nothing was changed: try "
        "again later, or end one that was interrupted with 'ddbcfg-client revision repair'"
    )
    return ImportPending(access.place.table, access.place.store, reason)


def _faster(access: Access) -> ChangeRefused:
    reason = "another writer was faster; nothing was changed: see 'ddbcfg-client revision status'"
    return ChangeRefused(access.place.table, access.place.store, reason)
