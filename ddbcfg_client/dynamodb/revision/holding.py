"""The revision item while an import holds it; each write requires it as last seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.revision.access import Access, Item, Write
from ddbcfg_client.dynamodb.revision.committing import CONDITION_FAILED, PAUSES
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, item_of
from ddbcfg_client.dynamodb.revision.place import NO_REVISION
from ddbcfg_client.dynamodb.revision.record import revisions_in
from ddbcfg_client.dynamodb.revision.sealing import renewed
from ddbcfg_client.dynamodb.revision.writing import revision_write
from ddbcfg_client.errors import (
    ChangeRefused,
    ConfigError,
    ResponseMalformed,
    TableError,
    TableThrottled,
    TableUnreachable,
    TransactionRefused,
)

_BATCH = 50


def last_change(access: Access) -> int:
    """Return the highest revision that has a change item; 0 if there is none."""
    for most in (1, _BATCH):
        for rev in revisions_in(access.changes_below(NO_REVISION, most), access.place):
            return rev
    return 0


def put_revision(access: Access, revision: Revision, seen: Item | None) -> bool:
    """Write only the revision item; return False if it is no longer as it was ``seen``."""
    return transact(access, [revision_write(access, revision, seen)], revision)


def transact(access: Access, writes: Sequence[Write], revision: Revision) -> bool:
    """Do the writes, one of which is the revision item with an import; return False if refused.

    The item shows whether this writer wrote it: ``pending`` has its token and the beat of this
    write.
    """
    token = access.token()
    failure: TableError | None = None
    for pause in (*PAUSES, None):
        try:
            access.commit(writes, token)
            return True
        except TransactionRefused as refused:
            if CONDITION_FAILED in refused.reasons:
                return _is_mine(access, revision)
            failure = refused
        except (TableUnreachable, TableThrottled, ResponseMalformed) as error:
            failure = error
        except TableError as error:
            if error.code != "TransactionInProgressException":
                raise
            failure = error
        if pause is not None:
            access.wait(pause + access.jitter(pause))
    assert failure is not None
    raise failure


def _is_mine(access: Access, revision: Revision) -> bool:
    found = access.revision(consistent=True)
    wanted = item_of(access.place, revision)
    return found is not None and all(
        found.get(name) == wanted.get(name) for name in ("epoch", "rev", "pending")
    )


class Held:
    """The revision item while this writer's import holds it."""

    def __init__(self, access: Access, seen: Item, revision: Revision) -> None:
        self._access = access
        self.seen = seen
        self.revision = revision

    @property
    def pending(self) -> Pending:
        """The ``pending`` of this writer."""
        assert self.revision.pending is not None
        return self.revision.pending

    def renew(self, writes: Sequence[Write] = (), parts: int | None = None) -> None:
        """Do the ``writes`` with a new beat; raise ``ChangeRefused`` if others took over."""
        access = self._access
        revision = renewed(self.revision, parts)
        if not transact(access, [*writes, revision_write(access, revision, self.seen)], revision):
            reason = "another writer has taken this import over; nothing more is written"
            raise ChangeRefused(access.place.table, access.place.store, reason)
        self.revision, self.seen = revision, item_of(access.place, revision)

    def write_part(self, part: Sequence[Write], pace: float) -> None:
        """Write some options, at the pace that is allowed."""
        began = self._access.monotonic()
        self.renew(part)
        rest = units_of(part) / pace - (self._access.monotonic() - began)
        if rest > 0:
            self._access.wait(rest)

    def release(self) -> None:
        """End the import without a trace."""
        # Refused: another writer has ended it, or will.
        put_revision(self._access, replace(self.revision, pending=None), self.seen)

    def try_release(self) -> bool:
        """End it; return False if it may still be pending.  An earlier error says more."""
        try:
            self.release()
            found = self._access.revision(consistent=True)
        except ConfigError:
            return False
        return found is None or found.get("pending") != self.seen.get("pending")


def units_of(writes: Sequence[Write]) -> int:
    """Return the write units of a transaction of these options, each twice its kilobytes."""
    return sum(
        2 * max(1, -(-least_size(write.item) // 1024)) if write.item is not None else 2
        for write in writes
    )
