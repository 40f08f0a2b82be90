"""The access to DynamoDB: the table's schema, and creating it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    MisconfiguredSchemaException,
    TableNotCreatedException,
    TableNotFound,
    TableNotReadyException,
)
from support import fault_proxy as faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy


# --- the schema ----------------------------------------------------------------------------------


def create(client: DynamoDBClient, name: str, *keys: tuple[str, str]) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": key, "KeyType": kind}  # type: ignore[typeddict-item]
            for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": of_type}  # type: ignore[typeddict-item]
            for key, of_type in keys
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ([("_store", "S")], "no range key"),
        ([("_option", "S"), ("_store", "S")], "hash key '_option' of type S, range key '_store'"),
        ([("_store", "S"), ("_option", "N")], "range key '_option' of type N"),
        ([("_store", "B"), ("_option", "S")], "hash key '_store' of type B"),
        ([("store", "S"), ("_option", "S")], "hash key 'store' of type S"),
    ],
)
def test_wrong_key_schemas(
    client: DynamoDBClient, table_name: str, keys: list[tuple[str, str]], found: str
) -> None:
    create(client, table_name, *keys)
    with pytest.raises(MisconfiguredSchemaException) as caught:
        Table(client, table_name).check()
    assert found in caught.value.found
    assert caught.value.expected == "hash key '_store' of type S, range key '_option' of type S"


def test_right_key_schema_of_other_names(client: DynamoDBClient, table_name: str) -> None:
    create(client, table_name, ("app", "S"), ("name", "S"))
    table = Table(client, table_name, KeyNames("app", "name"))
    table.check()
    table.put("prod", "db", {"a": {"S": "b"}})
    assert list(table.items("prod", keys=["a"])) == [
        {"app": {"S": "prod"}, "name": {"S": "db"}, "a": {"S": "b"}}
    ]


def test_missing_table_is_told_with_region_and_endpoint(
    client: DynamoDBClient, table_name: str
) -> None:
    table = Table(client, table_name)
    where = f"in region eu-west-1 at {client.meta.endpoint_url}"
    calls: list[Callable[[], object]] = [
        table.check,
        lambda: list(table.items("prod")),
        lambda: table.item("prod", "db"),
        lambda: table.put("prod", "db", {}),
        lambda: table.delete("prod", "db"),
    ]
    for call in calls:
        with pytest.raises(TableNotFound, match=where):
            call()


def describing(status: str) -> dict[str, Any]:
    return {
        "Table": {
            "TableStatus": status,
            "KeySchema": [
                {"AttributeName": "_store", "KeyType": "HASH"},
                {"AttributeName": "_option", "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "_store", "AttributeType": "S"},
                {"AttributeName": "_option", "AttributeType": "S"},
            ],
        }
    }


@pytest.mark.parametrize("status", ["CREATING", "DELETING", "ARCHIVED", "REPLICATING"])
def test_table_that_is_not_ready(status: str) -> None:
    client = connect_dynamodb()
    with Stubber(client) as stub:
        stub.add_response("describe_table", describing(status))
        with pytest.raises(TableNotReadyException, match=f"is {status}, not ACTIVE"):
            Table(client, "config").check()


@pytest.mark.parametrize("status", ["ACTIVE", "UPDATING"])
def test_table_that_is_ready(status: str) -> None:
    client = connect_dynamodb()
    with Stubber(client) as stub:
        stub.add_response("describe_table", describing(status))
        Table(client, "config").check()


# --- creation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [(3, 2), (None, 1), (1, None)])
def test_creation_with_units_or_on_demand(
    client: DynamoDBClient, table_name: str, units: tuple[int | None, int | None]
) -> None:
    table = Table(client, table_name)
    assert ensure_table(table, *units) is True
    assert ensure_table(table, 7, 7) is False
    described = client.describe_table(TableName=table_name)["Table"]
    throughput = described["ProvisionedThroughput"]
    if None in units:
        assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    else:
        assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == units


def test_creation_that_does_not_end() -> None:
    client = connect_dynamodb()
    with Stubber(client) as stub:
        stub.add_client_error("describe_table", "ResourceNotFoundException", http_status_code=400)
        stub.add_response("create_table", {})
        stub.add_response("describe_table", describing("CREATING"))
        with pytest.raises(TableNotCreatedException, match="CREATING.*not ACTIVE within 0 s"):
            ensure_table(Table(client, "config"), timeout=0)


def test_creation_that_is_refused(proxy: FaultProxy, table_name: str) -> None:
    proxy.fail(faults.DENIED, "CreateTable")
    client = connect_dynamodb(endpoint_url=proxy.url)
    with pytest.raises(TableNotCreatedException, match="allow dynamodb:CreateTable"):
        ensure_table(Table(client, table_name))
    client.close()
