"""Fixtures of the tests in this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fault_proxy import FaultProxy
from support.time_based_stores import SECRET, SESSION


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch, proxy: FaultProxy) -> None:
    """Have the default session find the proxy, with time-outs that a test can wait for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 1.0)
    monkeypatch.setattr(connecting, "ATTEMPTS", 1)


@pytest.fixture
def table(moto_url: str, table_name: str) -> Iterator[Table]:
    """The table, past the proxy."""
    client = boto3.client("dynamodb", endpoint_url=moto_url)
    table = Table(client, table_name)
    ensure_table(table)
    table.put("prod", "db", {"version": {"N": "1"}, "password": {"S": SECRET}})
    yield table
    client.close()


@pytest.fixture
def open_store(table: Table) -> Iterator[Callable[..., DynamoDBConfigStore]]:
    """Open a time-based store; closed after the test."""
    opened = []

    def open_store(
        interval: float | None = None, connection: Any = SESSION, **kwargs: Any
    ) -> DynamoDBConfigStore:
        if interval is not None:
            kwargs["update_interval"] = interval
        store = DynamoDBConfigStore(
            connection,
            table.name,
            "prod",
            config_store="TimeBasedConfigStore",
            config_store_kwargs=kwargs,
        )
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()
