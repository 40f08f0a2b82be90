"""The scribe: revisions for the changes of writers that do not follow the protocol.

One round reads the store twice.  A change that both readings find, and that no revision explains,
becomes a revision.  A scribe that remembers the earlier store knows which options changed.  It
reads them again together with the revision, at one point in time, so other writers do not delay it.
A scribe that remembers nothing records a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ddbcfg_client.dynamodb.revision.access import Access, Item
from ddbcfg_client.dynamodb.revision.committing import commit
from ddbcfg_client.dynamodb.revision.content import (
    Content,
    Entry,
    differences,
    digest_of,
    total_of,
    weight,
    with_options,
)
from ddbcfg_client.dynamodb.revision.following import caught_up
from ddbcfg_client.dynamodb.revision.item import Revision
from ddbcfg_client.dynamodb.revision.known import Known, explained
from ddbcfg_client.dynamodb.revision.sealing import SETTLED, proves, seal
from ddbcfg_client.dynamodb.revision.writing import (
    MOST_OPTIONS,
    Change,
    fits,
    next_revision,
    own_revision,
)
from ddbcfg_client.errors import TransactionRefused

_ROUNDS = 3
_TRIES = 5
_LONGEST_PAUSE = 0.5
WHY = "changed by a writer without revisions"


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


def sync(
    access: Access, known: Known | None, *, by: str | Callable[[], str], why: str = WHY
) -> Synced:
    """Do one round; ``known`` is what the last one returned.  Raise as ``write_change`` does."""
    scribe = _Scribe(access, Change({}, by, why))
    try:
        for _ in range(_ROUNDS):
            first = scribe.reading()
            # By then, a transaction has reached all of its items.
            access.wait(SETTLED)
            if synced := scribe.revise(known, first, scribe.reading()):
                return synced
    except _Ended as ended:
        return ended.synced or Synced(ended.found, known)
    return Synced(Found.BUSY, known)


class _Ended(Exception):
    """There is nothing to do, or nothing can be done now."""

    def __init__(self, found: Found, synced: Synced | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.synced = synced


@dataclass(frozen=True, slots=True)
class _Reading:
    seen: Item
    revision: Revision
    content: Content


class _Scribe:
    def __init__(self, access: Access, change: Change) -> None:
        self._access = access
        self._change = change

    def reading(self) -> _Reading:
        """Read the store; end the round if its revision explains it, or during an import."""
        content = self._access.options(consistent=True)
        seen, revision = self._own(self._access.revision(consistent=True))
        if proves(revision, content):
            known = _remembered(revision, content, total_of(content))
            raise _Ended(Found.UNCHANGED, Synced(Found.UNCHANGED, known))
        return _Reading(seen, revision, content)

    def _own(self, seen: Item | None) -> tuple[Item, Revision]:
        if seen is None:
            raise _Ended(Found.NOTHING, Synced(Found.NOTHING, None))
        revision = own_revision(self._access, seen)
        if revision.pending is not None:
            raise _Ended(Found.PENDING)
        return seen, revision

    def revise(self, known: Known | None, first: _Reading, second: _Reading) -> Synced | None:
        """Make a revision of what both readings found; None if they differ too much."""
        before = known and caught_up(self._access, known, first.revision)
        after = before and caught_up(self._access, before, second.revision)
        if before is None or after is None:
            if explained(first.content, first.revision, second.revision) != second.content:
                return None
            return self._seal(second, second.content, None)
        was = _unexplained(before, first.content)
        now = _unexplained(after, second.content)
        names = was.keys() | now.keys()
        both = was.keys() & now.keys()
        stable = {name: now[name] for name in sorted(both) if was[name] == now[name]}
        if len(names) > MOST_OPTIONS:
            # These are too many to read at one point in time, so nothing else may change meanwhile.
            if was != now:
                return None
            return self._seal(second, second.content, differences(after.options, second.content))
        return self._adopt(after, sorted(names), stable) if stable else None

    def _adopt(
        self, known: Known, names: list[str], stable: Mapping[str, bytes | None]
    ) -> Synced | None:
        """Make a revision of what was found twice, if the table has exactly that."""
        access = self._access
        for _ in range(_TRIES):
            try:
                item, current = access.together(names)
            except TransactionRefused:
                access.wait(access.jitter(_LONGEST_PAUSE))
                continue
            seen, revision = self._own(item)
            base = caught_up(access, known, revision)
            if base is None:
                return None
            pairs = (Entry(name, base.options.get(name), current.get(name)) for name in names)
            entries = tuple(entry for entry in pairs if entry.before != entry.after)
            if {entry.name: entry.after for entry in entries} != stable:
                return None
            content = with_options(base.options, stable.items())
            total = base.total + sum(weight(e.name, e.after) - weight(e.name, e.before)
                                     for e in entries)  # fmt: skip
            token = access.token()
            made, writes = next_revision(
                access,
                seen,
                revision,
                entries,
                token,
                self._change,
                digest=digest_of(total),
                count=len(content),
                writes_options=False,
            )
            if not fits(writes):
                return self._seal(_Reading(seen, revision, content), content, entries)
            if commit(access, writes, token, made.rev):
                return Synced(Found.REVISED, _remembered(made, content, total), tuple(stable))
            access.wait(access.jitter(_LONGEST_PAUSE))
        return None

    def _seal(
        self, reading: _Reading, content: Content, entries: tuple[Entry, ...] | None
    ) -> Synced | None:
        sealed = seal(
            self._access,
            reading.seen,
            reading.revision,
            content,
            self._access.token(),
            by=self._change.author,
            why=self._change.why,
            entries=entries or (),
            gap=entries is None,
        )
        if sealed is None:
            return None
        names = None if entries is None else tuple(entry.name for entry in entries)
        return Synced(Found.REVISED, _remembered(sealed, content, total_of(content)), names)


def _unexplained(known: Known, content: Content) -> dict[str, bytes | None]:
    return {entry.name: entry.after for entry in differences(known.options, content)}


def _remembered(revision: Revision, content: Content, total: int) -> Known:
    assert revision.digest is not None
    return Known(revision.epoch, revision.rev, revision.digest, content, total)
