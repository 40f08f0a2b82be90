"""The source that is a store in a table of DynamoDB: it reads all of its items at each poll."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Protocol

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import MisconfiguredSchemaException
from ddbcfg_daemon.errors import SourceUnusable
from ddbcfg_daemon.sources.base import Progress, Reading, Served
from ddbcfg_daemon.sources.cancellation import pause
from ddbcfg_daemon.sources.item_packer import ItemPacker
from ddbcfg_daemon.sources.store_reads import StoreReads


class Tables(Protocol):
    """Provides a source with its connected table."""

    def table(self) -> Table:
        """Return the table; raise ConfigError if there is no connection to it."""
        ...


class StoreSource:
    """A store in a DynamoDB table.

    Reads are eventually consistent unless ``consistent`` is true.  Such a read can return a state
    that is older than the previous read.  So if a reading differs from the last one, the store is
    read again, consistently, and this second reading is returned.  A store that does not change
    costs nothing more.
    """

    def __init__(
        self, tables: Tables, store: str, *, consistent: bool, origin: str = "dynamodb"
    ) -> None:
        self.store = store
        self.origin = origin
        self._tables = tables
        self._consistent = consistent
        self._checked = False
        self._packer: ItemPacker | None = None
        self._confirmed: Reading | None = None
        self._newest = 0  # the number of the reading that started last
        self._lock = Lock()
        self._units = 0.0

    def read(
        self, progress: Progress, *, full: bool = False, served: Served | None = None
    ) -> Reading:
        """Return every item of the store, all pages; call ``progress`` for each page.

        Raise TableError, MalformedValue, and SourceUnusable if the table has other keys.
        """
        with self._lock:
            self._newest += 1
            number, confirmed = self._newest, self._confirmed
        reading = self._read(self.table(), progress, number, confirmed)
        return replace(reading, units=self.take_units())

    def table(self) -> Table:
        """Return the table, connected and checked; raise ConfigError."""
        table = self._tables.table()
        if not self._checked:
            # Only before the first reading: later, the Query itself reports what is wrong.
            try:
                table.check()
            except MisconfiguredSchemaException as error:
                raise SourceUnusable(type(error).__name__, str(error)) from error
            self._checked = True
        return table

    def reads(
        self, table: Table, progress: Progress, sleep: Callable[[float], None] = pause
    ) -> StoreReads:
        """Return the requests of a poll; after it, pass them to ``count``."""
        return StoreReads(
            table,
            self.store,
            self.packer_for(table),
            progress,
            always_consistent=self._consistent,
            sleep=sleep,
        )

    def packer_for(self, table: Table) -> ItemPacker:
        """Return what packs the items of the store at each poll."""
        if self._packer is None:
            self._packer = ItemPacker(table, self.store)
        self._packer.table = table
        return self._packer

    def count(self, reads: StoreReads) -> None:
        """Count the read units that these requests consumed."""
        with self._lock:
            self._units += reads.units

    def take_units(self) -> float:
        """Return the read units that were consumed since the last call."""
        with self._lock:
            units, self._units = self._units, 0.0
            return units

    def forget(self) -> None:
        """Make the next reading a consistent one: newer options may be served than the last had."""
        with self._lock:
            self._newest += 1
            self._confirmed = None

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
        reads = self.reads(table, progress)
        read_at = time.time_ns()
        try:
            options = reads.options(consistent=consistent)
        finally:
            self.count(reads)
        return Reading(options, read_at, self.origin, reads.skipped)
