"""The reading side: what a host reads and publishes, decided without a table, a clock or a thread.

A content is *proved* if its digest is the revision's.  Nothing else proves it: a Query is only
read-committed against a transaction, so a host that reads the revision, the store, and the revision
again can publish half a change.  If there is no proof, because a writer without the protocol
changed the store, the content that two readings agree on is published and reported as in doubt.
"""

from __future__ import annotations

from collections.abc import Callable

from ddbcfg_client.dynamodb.revision.access import Item, Reads
from ddbcfg_client.dynamodb.revision.content import (
    Content,
    digest_of,
    total_of,
)
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, parse_revision
from ddbcfg_client.dynamodb.revision.known import Followed, How, Known, applied, explained, known_at
from ddbcfg_client.dynamodb.revision.record import parse_record
from ddbcfg_client.errors import RevisionDamaged, RevisionFormatUnknown

#: A host that is at most this many revisions behind reads the change items, otherwise the store.
MOST_BEHIND = 8
_CHANGES_PAUSE = 0.2  # seconds, after which a replica may have the change items too
_STRONG_READINGS = 3
NO_ITEM = "the store has no revision item"
NO_PLACE = "a store of this name, or with these keys, has no revisions"
#: Seconds between two readings that must agree: longer than a transaction takes.
AGREED = 2.0


def follow(
    reads: Reads,
    known: Known | None,
    *,
    full: bool = False,
    strong: bool = False,
    doubtful: int | None = None,
    dead: Callable[[Pending], bool] = lambda pending: False,
    later: Callable[[Revision], str] = lambda revision: "",
) -> Followed:
    """Poll: read as little as possible, and return what is known then.

    ``full`` reads the whole store.  ``strong`` reads it consistently at once, which saves a reading
    of a store in doubt.  ``doubtful`` is that of the last poll.  ``dead`` returns whether the
    writer of an import that is seen again has died; this matters only to a host that has nothing to
    serve.  ``later`` returns why a change that only a full reading shows is not read now; empty if
    it is read.
    """
    return _Poll(reads, known, doubtful, dead, later, strong=strong).run(full=full)


class _Plain(Exception):
    """There is no revision to follow; ``revision`` is one without a digest."""

    def __init__(self, reason: str, revision: Revision | None = None) -> None:
        super().__init__(reason)
        self.revision = revision


class _Poll:
    def __init__(
        self,
        reads: Reads,
        known: Known | None,
        doubtful: int | None,
        dead: Callable[[Pending], bool],
        later: Callable[[Revision], str] = lambda revision: "",
        *,
        strong: bool = False,
    ) -> None:
        self._reads = reads
        self._known = known
        self._doubtful = doubtful
        self._dead = dead
        self._later = later
        self._strong = strong

    def run(self, *, full: bool) -> Followed:
        try:
            return self._run(full=full)
        except _Plain as plain:
            return Followed(How.PLAIN, None, plain.revision, str(plain))

    def _run(self, *, full: bool) -> Followed:
        known = self._known
        # What was served before this process began may be newer than what a replica has.
        revision = self._first_revision(known)
        if known is not None and not known.is_at(revision):
            ahead = revision.epoch == known.epoch and revision.rev > known.rev
            if not ahead:
                # A restored table, or a replica that lags.
                revision = self._revision(consistent=True)
                ahead = revision.epoch == known.epoch and revision.rev > known.rev
            if not full and not known.is_at(revision):
                if found := self._from_known(known, revision, ahead=ahead):
                    return found
                if reason := self._later(revision):
                    return Followed(How.WAITING, known, revision, reason)
                return self._read(revision)
        if known is not None and not full:
            return Followed(How.SAME, known, revision)
        return self._read(revision)

    def _first_revision(self, known: Known | None) -> Revision:
        if known is None:
            return self._revision(consistent=True)
        try:
            return self._revision(consistent=False)
        except _Plain:
            # The store had a revision: a replica may have the item as it was before that.
            return self._revision(consistent=True)

    def _from_known(self, known: Known, revision: Revision, *, ahead: bool) -> Followed | None:
        """Return what the store is, without reading it; None if that is not possible."""
        if digest_of(known.total) == revision.digest:
            return Followed(How.LOG, known_at(revision, known.options, known.total), revision)
        if not ahead:
            return None
        log = revision.changes_after(known.rev)
        if log is not None:
            made = applied(known, revision, ((name, after) for _, name, after in log))
            if made is not None:
                return Followed(How.LOG, made, revision)
        if revision.rev - known.rev <= MOST_BEHIND:
            for pause in (_CHANGES_PAUSE, None):
                made = self._from_changes(known, revision)
                if made is not None:
                    return Followed(How.CHANGES, made, revision)
                if pause is not None:
                    self._reads.wait(pause)
        return None

    def _from_changes(self, known: Known, revision: Revision) -> Known | None:
        first = known.rev + 1
        changes: list[tuple[str, bytes | None]] = []
        items = self._reads.changes(first, revision.rev)
        for number, item in enumerate(items, first):
            try:
                record = parse_record(self._reads.place, item)
            except ValueError:
                return None
            whole = record.entries is not None and not record.gap
            if record.rev != number or record.epoch != revision.epoch or not whole:
                return None
            assert record.entries is not None
            changes += [(entry.name, entry.after) for entry in record.entries]
        return applied(known, revision, changes)

    def _read(self, revision: Revision) -> Followed:
        if self._strong:
            return self._read_strongly(revision)
        content = self._reads.options(consistent=False)
        total = total_of(content)
        if digest_of(total) == revision.digest:
            return Followed(How.QUERY, known_at(revision, content, total), revision)
        return self._read_strongly(revision)

    def _read_strongly(self, last: Revision) -> Followed:
        for _ in range(_STRONG_READINGS):
            content = self._reads.options(consistent=True)
            total = total_of(content)
            revision = self._revision(consistent=True)
            if digest_of(total) == revision.digest:
                return Followed(How.STRONG, known_at(revision, content, total), revision)
            pending = revision.pending
            if pending is not None and not (self._known is None and self._dead(pending)):
                reason = f"an import by {pending.by} is under way"
                return Followed(How.PENDING, self._known, revision, reason)
            # While the revision changes, the readings are too late.
            if revision == last:
                break
            last = revision
        return self._doubt(content, revision)

    def _doubt(self, content: Content, revision: Revision) -> Followed:
        self._reads.wait(AGREED)
        again = self._reads.options(consistent=True)
        now = self._revision(consistent=True)
        total = total_of(again)
        if digest_of(total) == now.digest:
            return Followed(How.STRONG, known_at(now, again, total), now)
        # A revision made in the meantime explains a difference, too.
        if again != explained(content, revision, now) or now.pending != revision.pending:
            reason = "the store changes from reading to reading"
            return Followed(How.UNSETTLED, self._known, now, reason)
        if now.region and now.region != self._reads.region and total != self._doubtful:
            # The items of one change arrive from another region one by one.
            reason = f"what comes from region {now.region} may not all be here yet"
            return Followed(How.UNSETTLED, self._known, now, reason, total)
        reason = "a writer without revisions changed the store"
        return Followed(How.DOUBT, known_at(now, again, total), now, reason)

    def _revision(self, *, consistent: bool) -> Revision:
        if not self._reads.place.can_have_revisions:
            raise _Plain(NO_PLACE)
        item: Item | None = self._reads.revision(consistent=consistent)
        if item is None:
            raise _Plain(NO_ITEM)
        try:
            revision = parse_revision(self._reads.place, item)
        except (RevisionDamaged, RevisionFormatUnknown) as error:
            raise _Plain(str(error)) from None
        if revision.digest is None:
            raise _Plain("the store's first revision is being made", revision)
        return revision


def caught_up(reads: Reads, known: Known, revision: Revision) -> Known | None:
    """Return what is known at ``revision`` without reading the store; None if it cannot."""
    if known.is_at(revision):
        return known
    ahead = revision.epoch == known.epoch and revision.rev > known.rev
    poll = _Poll(reads, known, None, lambda pending: False)
    found = poll._from_known(known, revision, ahead=ahead)
    return None if found is None else found.known
