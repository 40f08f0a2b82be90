"""``get`` and ``set`` while DynamoDB fails: an error that says so, soon, and nothing half done."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.errors import TableError, TableNotFound, TableUnreachable
from support import fault_proxy as faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fault_proxy import Fault, FaultProxy

# One for all tests: to make its first client takes longer than most of them.
SESSION = boto3.Session()
SECRET = "p1anted-s3cret"
DB = {"password": SECRET}

CALLS: dict[str, Callable[[DynamoDBConfigStore], object]] = {
    "get": lambda store: store.config.get("db"),
    "get with a default": lambda store: store.config.get("db", None),
    "get of keys": lambda store: store.config.get("db", keys=["password"]),
    "get of all": lambda store: store.config.get(),
    "in": lambda store: "db" in store.config,
    "set": lambda store: store.set("db", {"password": SECRET + "2"}),
    "set if absent": lambda store: store.set("new", DB, if_absent=True),
    "delete": lambda store: store.delete("db"),
    "a second store": lambda store: DynamoDBConfigStore(SESSION, store.table_name, "prod"),
}


@pytest.fixture
def store(
    proxy: FaultProxy, table_name: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DynamoDBConfigStore]:
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 1.0)
    monkeypatch.setattr(connecting, "ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
    with DynamoDBConfigStore(SESSION, table_name, "prod") as store:
        store.set("db", DB)
        yield store


@pytest.mark.parametrize(
    ("call", "fault"),
    [
        (call, fault)
        for call in CALLS
        for fault in faults.FAULTS
        # The service has done it then, and only the answer is lost.
        if not (fault.served and call in ("set", "set if absent", "delete"))
    ],
    ids=str,
)
def test_a_fault_is_an_error_and_changes_nothing(
    store: DynamoDBConfigStore, proxy: FaultProxy, fault: Fault, call: str
) -> None:
    proxy.fail(fault)
    start = time.monotonic()
    with pytest.raises(TableError) as caught:
        CALLS[call](store)
    assert time.monotonic() - start < 5
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    proxy.heal()
    assert store.config.get() == {"db": DB}


def test_a_set_whose_answer_is_lost_has_been_done(
    store: DynamoDBConfigStore, proxy: FaultProxy
) -> None:
    proxy.fail(faults.LOST, "PutItem")
    with pytest.raises(TableUnreachable):
        store.set("db", {"a": "b"})
    proxy.heal()
    assert store.config.get("db") == {"a": "b"}


def test_a_set_whose_answer_is_lost_is_sent_again(
    proxy: FaultProxy, table_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
    with DynamoDBConfigStore(SESSION, table_name, "prod") as store:
        proxy.fail(faults.LOST, "PutItem", times=1)
        assert store.set("db", DB) is True
        assert proxy.count("PutItem") == 2


def test_a_table_that_is_deleted_meanwhile(store: DynamoDBConfigStore, moto_url: str) -> None:
    client: Any = boto3.client("dynamodb", endpoint_url=moto_url)
    client.delete_table(TableName=store.table_name)
    client.close()
    for call in ("get", "get of all", "set", "delete"):
        with pytest.raises(TableNotFound):
            CALLS[call](store)


@pytest.mark.parametrize(
    ("operation", "fault"),
    [
        ("DescribeTable", faults.HANG),
        ("DescribeTable", faults.NO_ANSWER),
    ],
    ids=str,
)
def test_creation_that_fails_leaves_no_connection(
    moto_url: str,
    table_name: str,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    fault: Fault,
) -> None:
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 1.0)
    monkeypatch.setattr(connecting, "ATTEMPTS", 1)
    with faults.FaultProxy(moto_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        proxy.fail(fault, operation)
        # The traceback keeps what is in it: nothing is closed here by being collected.
        with pytest.raises(TableError) as caught:
            DynamoDBConfigStore(SESSION, table_name, "prod")
        proxy.heal()
        proxy.wait_for_connections(0)
        assert caught.value.table == table_name
