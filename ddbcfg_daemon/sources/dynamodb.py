"""The stores in tables of DynamoDB: which share a connection, and the source of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields

from ddbcfg_client.dynamodb.client import check_settings, connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError, TableError
from ddbcfg_client.printable import without_passwords
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.store_values import StoreSettings
from ddbcfg_daemon.sources.base import Source, Sources
from ddbcfg_daemon.sources.cancellation import make_cancellable
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource, Tables
from ddbcfg_daemon.store_label import StoreLabel

log = logging.getLogger("ddbcfg.daemon")


class DynamoDBSources(Sources):
    """The stores that the settings name, in tables that AWS or another endpoint serves.

    Stores of one table share one connection.
    """

    def __init__(self, settings: DaemonSettings) -> None:
        make_cancellable()
        self.stores = settings.stores
        self._connections: dict[_Place, Connection] = {}
        self._looks: dict[_Place, tuple[str, ConfigError | None]] = {}

    def source(self, store: StoreSettings) -> Source:
        """Return the source of the store."""
        place = _Place.of(store)
        if place not in self._connections:
            self._connections[place] = Connection(place.connected)
        return source_of(self._connections[place], store)

    def fault(self) -> ConfigError | None:
        """Log errors in region, profile or endpoint; return the first if every store has one."""
        faults = [self._looked_at(place)[1] for place in _places(self.stores)]
        for fault in faults:
            if fault is not None:
                log.error("%s", fault)
        return None if None in faults else next(iter(faults), None)

    def keep(self, stores: Sequence[StoreSettings]) -> None:
        """Serve these stores from now on; forget the connections that only others needed."""
        self.stores = tuple(stores)
        places = _places(stores)
        # Not closed here: a poll of a store that leaves may still use one.
        self._connections = {
            place: made for place, made in self._connections.items() if place in places
        }
        self._looks.clear()  # AWS's files may have changed, too

    def place(self, store: StoreSettings) -> str:
        """Return the region and endpoint that the store's settings lead to."""
        return self._looked_at(_Place.of(store))[0]

    def _looked_at(self, place: _Place) -> tuple[str, ConfigError | None]:
        """Return what ``place.look()`` returned the first time: it takes tens of milliseconds."""
        if place not in self._looks:
            self._looks[place] = place.look()
        return self._looks[place]


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

    def look(self) -> tuple[str, ConfigError | None]:
        """Return region and endpoint as a text, and the error in the settings, if there is one."""
        try:
            region, endpoint = check_settings(
                region=self.region, endpoint_url=self.endpoint_url, profile=self.profile
            )
        except TableError as error:
            return f"region {self.region or 'unknown'}, endpoint unknown", error
        return f"region {region}, endpoint {without_passwords(endpoint)}", None


def _places(stores: Sequence[StoreSettings]) -> Sequence[_Place]:
    """Return the places that are read for these stores, each once."""
    return list(dict.fromkeys(_Place.of(part) for store in stores for part in store.parts))


def source_of(tables: Tables, store: StoreSettings, origin: str = "dynamodb") -> Source:
    """Return the source of a store in a connected table, by its revision if the settings say so."""
    plain = StoreSource(tables, store.store, consistent=store.consistent_read, origin=origin)
    if store.use_revision == "off":
        return plain
    return RevisionSource(
        plain,
        full_interval=store.full_interval,
        interval=store.interval,
        label=StoreLabel(store.names),
    )
