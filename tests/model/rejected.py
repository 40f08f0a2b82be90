"""What was considered instead of the protocol, or is the protocol without one of its rules.

Each of these publishes what the store never was, loses a change, or leaves a host behind for ever;
the search has to find that out, or it would find nothing out about the protocol either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from ddbcfg_client.dynamodb.revision import following
from ddbcfg_client.dynamodb.revision.access import Reads
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of, with_options
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.item import Revision, item_of, parse_revision
from ddbcfg_client.dynamodb.revision.known import Followed, How, Known
from ddbcfg_client.dynamodb.revision.writing import Change, Refused, try_change
from ddbcfg_client.errors import TableUnreachable
from model.actors import ModelAccess
from model.search import Writer
from model.world import NAMES, PLACE

Follows = Callable[..., Followed]


def _revision(reads: Reads, *, consistent: bool) -> Revision:
    item = reads.revision(consistent=consistent)
    assert item is not None
    return parse_revision(PLACE, item)


def _known(revision: Revision, content: Any) -> Known:
    assert revision.digest is not None
    return Known(revision.epoch, revision.rev, revision.digest, content, total_of(content))


def without_digest(reads: Reads, known: Known, *, full: bool = False) -> Followed:
    """Reads the revision, the store and the revision again, all of it strongly."""
    before = _revision(reads, consistent=True)
    if before.rev == known.rev and not full:
        return Followed(How.SAME, known, before)
    content = reads.options(consistent=True)
    after = _revision(reads, consistent=True)
    if before != after or after.pending:
        return Followed(How.UNSETTLED, known, after)
    return Followed(How.STRONG, _known(after, content), after)


def with_names_only(reads: ModelAccess, known: Known, *, full: bool = False) -> Followed:
    """Goes by the names in the log, and reads these options, strongly."""
    before = _revision(reads, consistent=True)
    log = before.changes_after(known.rev)
    if before.rev == known.rev or log is None:
        return Followed(How.SAME, known, before)
    names = dict.fromkeys(name for _, name, _ in log)
    options = [(name, reads.ask("cell", NAMES.index(name), True)) for name in names]
    after = _revision(reads, consistent=True)
    if before != after:
        return Followed(How.UNSETTLED, known, after)
    return Followed(How.LOG, _known(after, with_options(known.options, options)), after)


def by_number_only(reads: Reads, known: Known, *, full: bool = False) -> Followed:
    """Takes a revision for the one it has if epoch and number are the same."""

    def is_at(mine: Known, revision: Revision) -> bool:
        return (revision.epoch, revision.rev) == (mine.epoch, mine.rev)

    with patch.object(Known, "is_at", is_at):
        return follow(reads, known, full=full)


def by_unproved_changes(reads: Reads, known: Known, *, full: bool = False) -> Followed:
    """Believes what the change items say, whatever digest comes of it."""

    def believed(mine: Known, revision: Revision, changes: Any) -> Known:
        return _known(revision, with_options(mine.options, changes))

    with patch.object(following, "applied", believed):
        return follow(reads, known, full=full)


def without_strong_readings(reads: Reads, known: Known, *, full: bool = False) -> Followed:
    """Takes what a replica says for what is, if it is older than what it has."""

    class Eventual:
        place = PLACE
        region = reads.region
        options = staticmethod(reads.options)
        changes = staticmethod(reads.changes)
        wait = staticmethod(reads.wait)

        @staticmethod
        def revision(*, consistent: bool) -> Any:
            return reads.revision(consistent=False)

    return follow(Eventual(), known, full=full)


def as_if_near(reads: Reads, known: Known, *, full: bool = False) -> Followed:
    """Believes in another region what two readings agree on, as it does in the writers' own."""
    found = follow(reads, known, full=full)
    if found.doubtful is None:
        return found
    return follow(reads, known, full=full, doubtful=found.doubtful)


class WithDrift:
    """Takes a difference between digest and revision that it accepted once for proof later."""

    def __init__(self) -> None:
        self._drift: dict[Any, int] = {}

    def __call__(self, reads: Reads, known: Known, *, full: bool = False) -> Followed:
        drift = known.total - int.from_bytes(known.digest, "big")
        found = follow(reads, known, full=full)
        revision = found.revision
        if revision is None or found.how is not How.DOUBT or not drift:
            return found
        content = reads.options(consistent=False)
        total = total_of(content) - drift
        if digest_of(total) != revision.digest:
            return found
        return Followed(How.QUERY, _known(revision, content), revision)


def bump_then_put(name: str, **options: bytes | None) -> Writer:
    """Makes the revision first, then writes its options one by one."""
    return Writer(name, lambda access: _bump(access, options, first=True))


def put_then_bump(name: str, **options: bytes | None) -> Writer:
    """Writes options one by one, then makes them a revision."""
    return Writer(name, lambda access: _bump(access, options, first=False))


def _bump(access: ModelAccess, options: dict[str, bytes | None], *, first: bool) -> None:
    def bump() -> None:
        revision = _revision(access, consistent=True)
        assert revision.digest is not None
        bumped = replace(revision, rev=revision.rev + 1, base=revision.rev + 1, log=b"")
        access.put_revision_blindly(item_of(PLACE, bumped))

    if first:
        bump()
    for option, packed in options.items():
        access.edit(option, packed)
    if not first:
        bump()


def blind_scribe(name: str) -> Writer:
    """Makes what it reads a revision, whatever became of the revision meanwhile."""

    def sync(access: ModelAccess) -> None:
        revision = _revision(access, consistent=True)
        content = access.options(consistent=True)
        made = revision.following(
            digest=digest_of(total_of(content)),
            count=len(content),
            by=name,
            at="",
            epoch=revision.epoch,
        )
        access.put_revision_blindly(item_of(PLACE, made))

    return Writer(name, sync)


def anew_after_a_lost_response(name: str, losses: int, **options: bytes | None) -> Writer:
    """Begins again with another token when a response is lost."""
    change = Change(options, name)

    def write(access: ModelAccess) -> None:
        for _ in range(3):
            try:
                if not isinstance(_once(access, change), Refused):
                    return
            except TableUnreachable:
                pass

    return Writer(name, write, losses)


def _once(access: ModelAccess, change: Change) -> Any:
    from ddbcfg_client.dynamodb.revision import writing

    protocol = writing.commit

    def commit(access: ModelAccess, writes: Any, token: str, rev: int) -> bool:
        access.commit(writes, token)
        return True

    writing.commit = commit
    try:
        return try_change(access, change, access.token())
    finally:
        writing.commit = protocol
