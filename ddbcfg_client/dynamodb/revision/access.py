"""The seam: what the protocol asks of a table, a clock and chance.

Everything else of the protocol is decisions, so that a check can drive them through every order of
events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.item import Pending
from ddbcfg_client.dynamodb.revision.place import Place
from ddbcfg_client.dynamodb.revision.record import Plan

Item = Mapping[str, Any]
#: Called with the import that a change or a reading waits for.
OnWait = Callable[[Pending], None]

#: What a guarded write compares: any other writer's revision, import or repair changes one of them.
GUARDED = ("format", "epoch", "rev", "digest", "pending")


@dataclass(frozen=True, slots=True)
class Write:
    """One item that a transaction puts, or deletes if ``item`` is None.

    A guarded one is done only if the item is as it was ``seen``, in its guarded attributes; or is
    not there, if ``seen`` is None.
    """

    option: str
    item: Item | None
    home: bool = False
    guarded: bool = False
    seen: Item | None = None


class Reads(Protocol):
    """What a host asks.  Each method raises ``TableError``."""

    @property
    def place(self) -> Place:
        """The store."""

    @property
    def region(self) -> str:
        """The region of the table that is asked."""

    def revision(self, *, consistent: bool) -> Item | None:
        """Return the revision item, None without one."""

    def options(self, *, consistent: bool) -> Content:
        """Return every option of the store, packed; not as of one point in time."""

    def changes(self, first: int, last: int) -> Sequence[Item]:
        """Return the change items of these revisions that are there; not consistently."""

    def wait(self, seconds: float) -> None:
        """Return after so many seconds."""


class Access(Reads, Protocol):
    """What a writer asks besides.

    ``on_wait`` is called once if a wait for another import lasts; None reports nothing.
    """

    on_wait: OnWait | None

    def together(self, options: Sequence[str]) -> tuple[Item | None, Content]:
        """Return the revision item and these options as they are at one point in time.

        Raise ``TransactionRefused`` if a transaction is under way on one of them.
        """

    def commit(self, writes: Sequence[Write], token: str) -> None:
        """Do all or nothing, once for each ``token``; raise ``TransactionRefused`` for nothing."""

    def put_part(self, item: Item) -> None:
        """Write a part of a record, whatever else goes on."""

    def parts(self, plan: Plan) -> Sequence[Item]:
        """Return the parts of a plan that are there, in order, consistently."""

    def change(self, rev: int) -> Item | None:
        """Return the change item of a revision, consistently."""

    def changes_below(self, rev: int, most: int) -> Sequence[Item]:
        """Return the newest change items below a revision, the newest first, consistently."""

    def part_options(self) -> Sequence[str]:
        """Return the option keys of all parts there are, of whatever record."""

    def monotonic(self) -> float:
        """Return the seconds of a clock that is never set."""

    def now(self) -> float:
        """Return the seconds since 1970."""

    def jitter(self, most: float) -> float:
        """Return any number of seconds from 0 to ``most``."""

    def token(self) -> str:
        """Return a name that nobody else has."""
