"""The source that is a table in DynamoDB: it reads all items of a store as packed options."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from threading import Lock
from typing import Protocol

from ddbcfg_client.dynamodb.client import check_settings, connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError, MisconfiguredSchemaException, TableError
from ddbcfg_daemon.errors import SourceUnusable
from ddbcfg_daemon.settings.values import DaemonSettings, StoreSettings
from ddbcfg_daemon.sources.base import Progress, Reading, Source, Sources
from ddbcfg_daemon.sources.cancellation import make_cancellable
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.item_packer import Item, ItemPacker

#: Items in a page of a Query.  botocore creates about 4 KB of objects for each small item.  A full
#: page of 1 MB would become tens of MB, and Python returns little of that to the system.
ITEMS_A_PAGE = 1000


log = logging.getLogger("ddbcfg.daemon")


class DynamoDBSources(Sources):
    """The stores that the settings name, in tables that AWS or another endpoint serves.

    Stores of one table share one connection.
    """

    def __init__(self, settings: DaemonSettings) -> None:
        make_cancellable()
        self.stores = settings.stores
        self._connections: dict[_Place, Connection] = {}

    def source(self, store: StoreSettings) -> Source:
        """Return the source of the store."""
        place = _Place.of(store)
        if place not in self._connections:
            self._connections[place] = Connection(place.connected)
        return DynamoDBSource(
            self._connections[place], store.store, consistent=store.consistent_read
        )

    def fault(self) -> ConfigError | None:
        """Log errors in region, profile or endpoint; return the first if every store has one."""
        faults = [place.fault() for place in dict.fromkeys(map(_Place.of, self.stores))]
        for fault in faults:
            if fault is not None:
                log.error("%s", fault)
        return None if None in faults else next(iter(faults), None)


@dataclass(frozen=True, slots=True)
class _Place:
    """The settings that identify a connection."""

    region: str | None
    endpoint_url: str | None
    table: str
    key_names: KeyNames

    @classmethod
    def of(cls, store: StoreSettings) -> _Place:
        return cls(**{each.name: getattr(store, each.name) for each in fields(cls)})

    def connected(self) -> Table:
        client = connect_dynamodb(region=self.region, endpoint_url=self.endpoint_url)
        return Table(client, self.table, self.key_names)

    def fault(self) -> ConfigError | None:
        try:
            check_settings(region=self.region, endpoint_url=self.endpoint_url)
        except TableError as error:
            return error
        return None


class Tables(Protocol):
    """Provides a source with its connected table."""

    def table(self) -> Table:
        """Return the table; raise ConfigError if there is no connection to it."""
        ...


class DynamoDBSource:
    """A store in a DynamoDB table.

    Reads are eventually consistent unless ``consistent`` is true.  Such a read can return a state
    that is older than the previous read.  So if a reading differs from the last one, the store is
    read again, consistently, and this second reading is returned.  A store that does not change
    costs nothing more.
    """

    def __init__(
        self, tables: Tables, store: str, *, consistent: bool, origin: str = "dynamodb"
    ) -> None:
        self._tables = tables
        self._store = store
        self._consistent = consistent
        self._origin = origin
        self._checked = False
        self._packer: ItemPacker | None = None
        self._confirmed: Reading | None = None
        self._newest = 0  # the number of the reading that started last
        self._lock = Lock()

    def read(self, progress: Progress) -> Reading:
        """Return every item of the store, all pages; call ``progress`` for each page.

        Raise TableError, MalformedValue, and SourceUnusable if the table has other keys.
        """
        with self._lock:
            self._newest += 1
            number, confirmed = self._newest, self._confirmed
        table = self._tables.table()
        if not self._checked:
            # Only before the first reading: later, the Query itself reports what is wrong.
            try:
                table.check()
            except MisconfiguredSchemaException as error:
                raise SourceUnusable(type(error).__name__, str(error)) from error
            self._checked = True
        return self._read(table, progress, number, confirmed)

    def _read(
        self, table: Table, progress: Progress, number: int, confirmed: Reading | None
    ) -> Reading:
        # The source does not know what is published at the start, so the first read is consistent.
        if confirmed is not None and not self._consistent:
            reading = self._query(table, progress, consistent=False)
            if reading.same_as(confirmed):
                # Keep the objects of the previous reading, so that the new ones can be freed.
                return replace(reading, options=confirmed.options)
            del reading
        reading = self._query(table, progress, consistent=True)
        with self._lock:
            # An abandoned reading may end after a later one started, and must not replace it.
            if number == self._newest:
                self._confirmed = reading
        return reading

    def _query(self, table: Table, progress: Progress, *, consistent: bool) -> Reading:
        if self._packer is None:
            self._packer = ItemPacker(table, self._store)
        self._packer.table = table

        def pages() -> Iterator[list[Item]]:
            for page in table.pages(self._store, consistent=consistent, limit=ITEMS_A_PAGE):
                progress()
                yield page

        read_at = time.time_ns()
        options, skipped = self._packer.pack(pages())
        return Reading(options, read_at, self._origin, tuple(skipped))
