"""Fixtures of the tests in this folder."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy
from support.dynamodb_access import SECRET


@pytest.fixture(scope="module")
def impatient() -> Iterator[None]:
    """Time-outs and pauses that a test can wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
        patch.setattr(connecting, "READ_TIMEOUT", 1.0)
        patch.setattr(connecting, "CONNECT_TIMEOUT", 1.0)
        yield


@pytest.fixture(scope="module")
def proxied_client(impatient: None, _emulators: dict[str, Any]) -> Iterator[list[DynamoDBClient]]:
    """Holds the client of the proxy once a test has made it."""
    clients: list[DynamoDBClient] = []
    yield clients
    for client in clients:
        client.close()


@pytest.fixture
def table(client: DynamoDBClient, table_name: str) -> Table:
    table = Table(client, table_name)
    ensure_table(table)
    return table


@pytest.fixture
def faulty(proxied_client: list[DynamoDBClient], proxy: FaultProxy, table_name: str) -> Table:
    """A table behind the proxy, with one option in it."""
    if not proxied_client:
        proxied_client.append(connect_dynamodb(endpoint_url=proxy.url))
    table = Table(proxied_client[0], table_name)
    ensure_table(table)
    table.put("prod", "db", {"password": {"S": SECRET}})
    proxy.reset()
    return table
