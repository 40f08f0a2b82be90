"""Where snapshots come from: the store's items in DynamoDB, read whole, as packed options."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ddbcfg_client.clock import boottime
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import TableError
from ddbcfg_daemon.item_packer import Item, ItemPacker

#: Items in a page of a Query.  botocore makes some 4 KB of objects of each small item: tens of MB
#: of the 1 MB that a page may hold, and Python gives little of that back.
ITEMS_A_PAGE = 1000

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """All options of a store as read at one time.

    ``options`` maps each name to its packed keys, and is not changed any more.  ``read_at`` is
    nanoseconds since 1970, ``read_boottime`` nanoseconds of CLOCK_BOOTTIME, now by default.
    ``skipped`` names the items that are no options.
    """

    options: Mapping[str, bytes]
    read_at: int
    source: str = "dynamodb"
    skipped: tuple[str, ...] = ()
    read_boottime: int = field(default_factory=boottime)


class Source(Protocol):
    """Where a refresher reads a store."""

    def read(self, progress: Progress) -> Reading:
        """The whole store.  Raises ConfigError; calls *progress* now and then while it goes on."""
        ...


class DynamoDBSource:
    """A store in a DynamoDB table.

    ``limit`` is the seconds one reading may take: it ends with the first page after that.
    """

    def __init__(
        self, table: Table, store: str, *, consistent: bool, limit: float, origin: str = "dynamodb"
    ) -> None:
        self._table = table
        self._store = store
        self._consistent = consistent
        self._limit = limit
        self._origin = origin
        self._checked = False
        self._packer = ItemPacker(table, store)

    def read(self, progress: Progress) -> Reading:
        """Every item of the store, all pages.

        Raises TableError, MalformedValue, and MisconfiguredSchemaException once, at the start.
        """
        table = self._table
        deadline = time.monotonic() + self._limit
        if not self._checked:
            # Before the first reading only: afterwards the Query itself says what is wrong.
            table.check()
            self._checked = True

        def pages() -> Iterator[list[Item]]:
            asked = table.pages(self._store, consistent=self._consistent, limit=ITEMS_A_PAGE)
            for page in asked:
                progress()
                if time.monotonic() > deadline:
                    reason = f"the pages took longer than {self._limit:g} s; the table is slow"
                    raise TableError(table.name, "Query", "PollTimeout", reason)
                yield page

        read_at = time.time_ns()
        options, skipped = self._packer.pack(pages())
        return Reading(options, read_at, self._origin, tuple(skipped))
