"""The seam: what the protocol needs of a table, clocks and random numbers.

All other code of the protocol only decides, so a model check can run it through every order of
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

    A guarded write is done only if the guarded attributes of the item are as in ``seen``, or if the
    item does not exist and ``seen`` is None.
    """

    option: str
    item: Item | None
    home: bool = False
    guarded: bool = False
    seen: Item | None = None


class Reads(Protocol):
    """What a host reads.  Each method raises ``TableError``."""

    @property
    def place(self) -> Place:
        """The store."""

    @property
    def region(self) -> str:
        """The region of the table that is read."""

    def revision(self, *, consistent: bool) -> Item | None:
        """Return the revision item; None if there is none."""

    def options(self, *, consistent: bool) -> Content:
        """Return every option of the store, packed.  The reads are not one point in time."""

    def changes(self, first: int, last: int) -> Sequence[Item]:
        """Return those change items of these revisions that exist, eventually consistent."""

    def wait(self, seconds: float) -> None:
        """Return after ``seconds``."""


class Access(Reads, Protocol):
    """What a writer needs in addition.

    ``on_wait`` is called once if a wait for another import lasts; None reports nothing.
    """

    on_wait: OnWait | None

    def together(self, options: Sequence[str]) -> tuple[Item | None, Content]:
        """Return the revision item and these options as they are at one point in time.

        Raise ``TransactionRefused`` if a transaction is under way on one of them.
        """

    def commit(self, writes: Sequence[Write], token: str) -> None:
        """Do all writes, once for each ``token``, or none and raise ``TransactionRefused``."""

    def put_part(self, item: Item) -> None:
        """Write a part of a record, without a condition."""

    def parts(self, plan: Plan) -> Sequence[Item]:
        """Return those parts of a plan that exist, in order, consistently."""

    def change(self, rev: int) -> Item | None:
        """Return the change item of a revision, consistently."""

    def changes_below(self, rev: int, most: int) -> Sequence[Item]:
        """Return the newest change items below a revision, the newest first, consistently."""

    def part_options(self) -> Sequence[str]:
        """Return the option keys of the parts of all records."""

    def monotonic(self) -> float:
        """Return the seconds of a monotonic clock."""

    def now(self) -> float:
        """Return the seconds since 1970."""

    def jitter(self, most: float) -> float:
        """Return a random number of seconds from 0 to ``most``."""

    def token(self) -> str:
        """Return a unique name."""
