"""The three config stores behind one handle, so that one test can hold for all of them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.store import StoreSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from ddbcfg_client.config_stores import ConfigStore

KINDS = ("SimpleConfigStore", "TimeBasedConfigStore", "SharedMemoryConfigStore")


class Rig:
    """A store, and the means to make what was written to it readable now."""

    def __init__(self, kind: str, store: DynamoDBConfigStore, refresh: Callable[[], None]) -> None:
        self.kind = kind
        self.store = store
        self.refresh = refresh

    @property
    def config(self) -> ConfigStore:
        return self.store.config

    def set(self, option: str, data: dict[str, Any]) -> None:
        """Write, and make readable."""
        assert self.store.set(option, data) is True
        self.refresh()


@contextmanager
def open_rig(
    kind: str, client: DynamoDBClient, table_name: str, store_name: str = "prod"
) -> Iterator[Rig]:
    """Open a store of this kind; the shared-memory one with a publisher of its own."""
    table = Table(client, table_name)
    ensure_table(table)
    if kind != "SharedMemoryConfigStore":
        with DynamoDBConfigStore(client, table_name, store_name, config_store=kind) as store:
            yield Rig(kind, store, store.reload)
        return
    source = StoreSource(Connection(lambda: table), store_name, consistent=True)
    publisher = Publisher(Names(table_name, store_name))

    def publish() -> None:
        publisher.publish(source.read(lambda: None))

    try:
        publish()
        with DynamoDBConfigStore(client, table_name, store_name, config_store=kind) as store:
            yield Rig(kind, store, publish)
    finally:
        publisher.close()
        from support.shm import objects_of

        for path in objects_of(publisher.names):
            path.unlink(missing_ok=True)
