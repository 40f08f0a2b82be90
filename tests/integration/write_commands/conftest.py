"""Fixtures of the tests in this folder."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy
from support.write_commands import Client, Writes


@pytest.fixture
def client_to(
    client: DynamoDBClient,
    emulator_proxy: FaultProxy,
    table_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Client:
    """The command line with the store and a table named that is not there yet."""
    monkeypatch.setenv("DDBCFG_ENDPOINT_URL", emulator_proxy.url)
    monkeypatch.setenv("DDBCFG_TABLE", table_name)
    monkeypatch.setenv("DDBCFG_STORE", "prod")
    # The pauses between two tries.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    return Client(Table(client, table_name), capfd)


@pytest.fixture
def run(client_to: Client) -> Client:
    """The same with an empty table."""
    ensure_table(client_to.table)
    return client_to


@pytest.fixture
def writes(run: Client, emulator_proxy: FaultProxy) -> Writes:
    """Tells the writes that were sent since it was last asked, as "PutItem db"."""
    emulator_proxy.reset()

    def writes() -> list[str]:
        found = [
            f"{request.operation} {request.body[holder]['_option']['S']}"
            for request in emulator_proxy.requests
            for holder in ("Item", "Key")
            if request.operation in ("PutItem", "DeleteItem") and holder in request.body
        ]
        emulator_proxy.reset()
        return found

    return writes
