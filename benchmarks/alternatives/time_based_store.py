"""ddbcfg's own TimeBasedConfigStore: a copy in each process, without a daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.emulator import TABLE
from benchmarks.stores import STORE
from ddbcfg_client import DynamoDBConfigStore
from ddbcfg_client.dynamodb.client import connect_dynamodb


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """Its ``get`` and its attribute."""
    client = connect_dynamodb(endpoint_url=setting.emulator_url)
    try:
        with DynamoDBConfigStore(
            client, TABLE, STORE, config_store="TimeBasedConfigStore"
        ) as store:
            names = {"config": store.config}
            yield [
                Way('TimeBasedConfigStore `config.get("db")`', 'config.get("db")', names),
                Way("TimeBasedConfigStore `config.db`", "config.db", names),
            ]
    finally:
        client.close()
