"""Where snapshots come from: the store's items in DynamoDB, read whole, as packed options."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ddbcfg_client.codec import pack_option
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import TableError

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """All options of a store as read at one time.

    ``options`` maps each name to its packed keys; ``read_at`` is nanoseconds since 1970.
    ``skipped`` names the items that are no options.
    """

    options: Mapping[str, bytes]
    read_at: int
    source: str = "dynamodb"
    skipped: tuple[str, ...] = ()


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

        def on_page() -> None:
            progress()
            if time.monotonic() > deadline:
                reason = f"the pages took longer than {self._limit:g} s; the table is slow"
                raise TableError(table.name, "Query", "PollTimeout", reason)

        read_at = time.time_ns()
        options: dict[str, bytes] = {}
        skipped: list[str] = []
        for item in table.items(self._store, consistent=self._consistent, on_page=on_page):
            option = item.pop(table.option_key, {})
            item.pop(table.store_key, None)
            name = option.get("S")
            if not isinstance(name, str):
                skipped.append(repr(option))
                continue
            options[name] = pack_option(name, item)
        return Reading(options, read_at, self._origin, tuple(skipped))
