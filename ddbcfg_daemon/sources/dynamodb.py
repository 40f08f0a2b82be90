"""The stores in tables of DynamoDB: which share a connection, and the source of each."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields

from ddbcfg_client.dynamodb.client import check_settings, connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError, TableError
from ddbcfg_daemon.settings.values import DaemonSettings, StoreSettings
from ddbcfg_daemon.sources.base import Source, Sources
from ddbcfg_daemon.sources.cancellation import make_cancellable
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource, Tables

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
        return source_of(self._connections[place], store)

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
    profile: str | None
    role_arn: str | None
    endpoint_url: str | None
    table: str
    key_names: KeyNames

    @classmethod
    def of(cls, store: StoreSettings) -> _Place:
        return cls(**{each.name: getattr(store, each.name) for each in fields(cls)})

    def connected(self) -> Table:
        client = connect_dynamodb(
            region=self.region,
            endpoint_url=self.endpoint_url,
            profile=self.profile,
            role_arn=self.role_arn,
        )
        return Table(client, self.table, self.key_names)

    def fault(self) -> ConfigError | None:
        try:
            check_settings(region=self.region, endpoint_url=self.endpoint_url, profile=self.profile)
        except TableError as error:
            return error
        return None


def source_of(tables: Tables, store: StoreSettings, origin: str = "dynamodb") -> Source:
    """Return the source of a store in a connected table, by its revision if the settings say so."""
    plain = StoreSource(tables, store.store, consistent=store.consistent_read, origin=origin)
    if store.use_revision == "off":
        return plain
    return RevisionSource(plain, full_interval=store.full_interval, interval=store.interval)
