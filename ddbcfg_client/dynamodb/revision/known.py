"""What a host knows of a store that it follows, and how changes update it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ddbcfg_client.dynamodb.revision.content import digest_of, weight, with_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ddbcfg_client.dynamodb.revision.content import Content
    from ddbcfg_client.dynamodb.revision.item import Revision


class How(StrEnum):
    """How the content of the store became known."""

    SAME = "nothing new"
    LOG = "log"
    CHANGES = "change items"
    QUERY = "query"
    STRONG = "strong query"
    DOUBT = "in doubt"
    PENDING = "import pending"
    WAITING = "waiting"
    UNSETTLED = "unsettled"
    PLAIN = "no revision"


@dataclass(frozen=True, slots=True)
class Known:
    """What a host last read: the options, and the revision it read them at.

    ``total`` is the sum of the options' digests.  ``digest`` is that of the revision, and of the
    options unless they are in doubt.
    """

    epoch: str
    rev: int
    digest: bytes
    options: Content
    total: int

    @property
    def proved(self) -> bool:
        """Whether the options are those of the revision."""
        return digest_of(self.total) == self.digest

    def is_at(self, revision: Revision) -> bool:
        """Whether the store is unchanged since it was read."""
        mine = (self.epoch, self.rev, self.digest)
        return (revision.epoch, revision.rev, revision.digest) == mine


@dataclass(frozen=True, slots=True)
class Followed:
    """What one poll found.

    ``doubtful`` is the total of a content that was read and not accepted; pass it to the next poll.
    ``known`` is what to serve from now on; None if nothing is known, or if the store has no
    revision to follow (``How.PLAIN``).  The store must then be read as one without revisions, and
    ``revision`` is set only while the first one is being made.
    """

    how: How
    known: Known | None
    revision: Revision | None = None
    reason: str = ""
    doubtful: int | None = None


def known_at(revision: Revision, options: Content, total: int) -> Known:
    """Return what is known of a content that was read at ``revision``."""
    assert revision.digest is not None
    return Known(revision.epoch, revision.rev, revision.digest, options, total)


def applied(
    known: Known, revision: Revision, changes: Iterable[tuple[str, bytes | None]]
) -> Known | None:
    """Return what is known after these changes; None if that is not proved."""
    last = dict(changes)  # an option's last change is the one that counts
    options = known.options
    total = known.total + sum(
        weight(name, packed) - weight(name, options.get(name)) for name, packed in last.items()
    )
    if digest_of(total) != revision.digest:
        return None
    return known_at(revision, with_options(options, last.items()), total)


def explained(content: Content, then: Revision, now: Revision) -> Content | None:
    """Return ``content``, read at revision ``then``, as it is ``now``; None for a gap."""
    if then.epoch != now.epoch:
        return None
    if then.rev == now.rev:
        return content if then.digest == now.digest else None
    log = now.changes_after(then.rev) if then.rev < now.rev else None
    return None if log is None else with_options(content, ((name, after) for _, name, after in log))
