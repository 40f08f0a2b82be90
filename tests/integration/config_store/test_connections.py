"""DynamoDBConfigStore: connections, shared memory and each request."""

from __future__ import annotations

import gc
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    SnapshotUnavailable,
    StoreClosed,
)
from support import fault_proxy as faults
from support.children import run_python
from support.rig import KINDS, open_rig

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy
from support.config_store_api import DB, client_of

# --- connections ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["client", "resource", "table", "session", "default"])
@pytest.mark.parametrize("config_store", ["SimpleConfigStore", "TimeBasedConfigStore"])
def test_connections(
    emulator_proxy: FaultProxy,
    table_name: str,
    kind: str,
    config_store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = emulator_proxy.url
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    connection: Any = {
        "client": lambda: client_of(url),
        "resource": lambda: boto3.resource("dynamodb", endpoint_url=url),
        "table": lambda: boto3.resource("dynamodb", endpoint_url=url).Table(table_name),
        "session": boto3.Session,
        "default": lambda: None,
    }[kind]()
    data = {
        "text": "ü",
        "number": Decimal("1.2345678901234567890123456789012345678E-100"),
        "binary": b"\x00\xff",
        "nothing": None,
        "map": {"list": [True, {1, 2}, {b"a"}, {"s"}], "_store": "x"},
        # Of these boto3's own conversion refuses the zeros, and Decimal's default context rounds.
        "round": 10**40,
        "largest": Decimal("9." + "9" * 37 + "E+125"),
        "smallest": Decimal("1." + "0" * 36 + "1E-130"),
        "digits": [{"set": {10**38 - 1, 10**38 - 2, 10**100}}],
    }
    with DynamoDBConfigStore(connection, table_name, "prod", config_store=config_store) as store:
        store.set("db", data)
        for i in range(12):
            store.set(f"fill-{i}", {"text": "x" * 100_000})
        store.reload()
        assert store.config.get("db") == data
        assert len(store.config.get()) == 13, "not every page was read"
        assert type(store.config.get("db")["binary"]) is bytes
        assert str(store.config.get("db", keys=["round"])["round"]) == "1" + "0" * 40
        assert store.delete("db") is True
        assert store.delete("db") is False


@pytest.mark.parametrize("of_a_table", [False, True])
def test_a_resource_goes_on_speaking_python(
    emulator_proxy: FaultProxy, table_name: str, of_a_table: bool
) -> None:
    """What the store needs of the application's resource changes nothing for the application."""
    resource = boto3.resource("dynamodb", endpoint_url=emulator_proxy.url)
    connection: Any = resource.Table(table_name) if of_a_table else resource
    with DynamoDBConfigStore(connection, table_name, "prod") as store:
        key = {"_store": "prod", "_option": "db"}
        table = resource.Table(table_name)
        table.put_item(Item={**key, "n": 5, "round": Decimal("1E+20")})
        assert store.config.get("db") == {"n": 5, "round": 10**20}
        store.set("db", {"n": 6})
        assert table.get_item(Key=key)["Item"] == {**key, "n": 6}
        assert resource.meta.client.get_item(TableName=table_name, Key=key)["Item"]["n"] == 6


@pytest.mark.parametrize("connection", ["dynamodb", 3, object(), boto3])
def test_what_is_no_connection(connection: Any, table_name: str) -> None:
    if connection is boto3:
        connection = boto3.client("s3")
    with pytest.raises(TypeError, match=r"connection must be boto3.client\('dynamodb'\)"):
        DynamoDBConfigStore(connection, table_name, "prod")


def test_close_ends_only_its_own_connections(client: DynamoDBClient, table_name: str) -> None:
    store = DynamoDBConfigStore(client, table_name, "prod")
    store.close()
    store.close()
    for call in (
        lambda: store.set("db", DB),
        lambda: store.delete("db"),
        lambda: store.config.get("db"),
        store.config.get,
    ):
        with pytest.raises(StoreClosed, match="make a new DynamoDBConfigStore"):
            call()
    Table(client, table_name).check()


def test_closing_its_own_client_leaves_no_socket(
    moto_url: str, table_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.FaultProxy(moto_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        gc.disable()  # it would close them in its own time
        try:
            with DynamoDBConfigStore(boto3.Session(), table_name, "prod") as store:
                store.set("db", DB)
                assert proxy.connections == 1
            proxy.wait_for_connections(0)
        finally:
            gc.enable()


# --- shared memory -------------------------------------------------------------------------------


def test_shared_memory_needs_no_dynamodb_to_read(
    client: DynamoDBClient, table_name: str, emulator_proxy: FaultProxy
) -> None:
    with open_rig("SharedMemoryConfigStore", client, table_name) as rig:
        rig.set("db", DB)
        before = emulator_proxy.count()
        with DynamoDBConfigStore(
            client, table_name, "prod", config_store="SharedMemoryConfigStore"
        ) as store:
            assert store.config.get("db") == {"host": "db-cluster.com", "port": Decimal(27017)}
            assert store.config.get("nope", None) is None
            assert len(store.config) == 1
        assert emulator_proxy.count() == before
        config: Any = rig.config
        assert (config.generation, len(config.digest)) == (2, 64)


def test_shared_memory_without_boto3(client: DynamoDBClient, table_name: str) -> None:
    program = (
        "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None\n"
        "from ddbcfg_client.config_stores.store import DynamoDBConfigStore\n"
        "store = DynamoDBConfigStore(None, sys.argv[1], 'prod',"
        " config_store='SharedMemoryConfigStore')\n"
        "print(store.config.get('db')['host'])\n"
    )
    with open_rig("SharedMemoryConfigStore", client, table_name) as rig:
        rig.set("db", DB)
        done = run_python("-c", program, table_name, check=True)
    assert done.stdout == "db-cluster.com\n"


def test_shared_memory_without_a_daemon(table_name: str) -> None:
    with pytest.raises(SnapshotUnavailable):
        DynamoDBConfigStore(None, table_name, "prod", config_store="SharedMemoryConfigStore")


def test_shared_memory_keywords_go_to_connect(client: DynamoDBClient, table_name: str) -> None:
    with (
        open_rig("SharedMemoryConfigStore", client, table_name),
        DynamoDBConfigStore(
            client,
            "another name",
            "prod",
            config_store="SharedMemoryConfigStore",
            config_store_kwargs={"namespace": table_name},
        ) as store,
    ):
        assert store.config.get() == {}


# --- every request -------------------------------------------------------------------------------


def test_no_request_has_a_bare_attribute_name(
    emulator_proxy: FaultProxy, client: DynamoDBClient, table_name: str
) -> None:
    for kind in KINDS:
        with open_rig(kind, client, table_name) as rig:
            rig.set("db", {**DB, "_private": 1, "name": 2})
            rig.store.set("db", DB, if_absent=True)
            for keys in (None, [], ["host"], ["_private", "name", "_store", "_option"]):
                rig.config.get("db", keys=keys)
                rig.config.get(keys=keys)
            assert "db" in rig.config
            assert list(rig.config) == ["db"]
            rig.store.delete("db")
            rig.store.reload() if kind != "SharedMemoryConfigStore" else None
    ensure_table(Table(client, table_name))
    requests = emulator_proxy.requests
    operations = {request.operation for request in requests}
    assert operations == {
        "DescribeTable", "CreateTable", "PutItem", "GetItem", "DeleteItem", "Query",
        "TransactGetItems",
    }  # fmt: skip
    expressions = [
        (name, text)
        for request in requests
        for name, text in request.body.items()
        if name.endswith("Expression")
    ]
    assert {name for name, _ in expressions} == {
        "ConditionExpression", "KeyConditionExpression", "ProjectionExpression",
    }  # fmt: skip
    for request in requests:
        assert faults.bare_names(request.body) == [], request.body


def test_the_check_for_bare_names_finds_them() -> None:
    for expression in ("_store = :s", "attribute_exists(_option)", "#a, host", "size(b) > :s"):
        assert faults.bare_names({"KeyConditionExpression": expression})
    assert faults.bare_names({"AttributesToGet": ["host"]})
    fine = "#s = :s AND attribute_not_exists(#o) AND NOT size(#_x) > :size"
    assert faults.bare_names({"FilterExpression": fine}) == []
