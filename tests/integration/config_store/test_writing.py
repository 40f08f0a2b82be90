"""DynamoDBConfigStore: writing, the old attributes and creation."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client import exceptions
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.errors import (
    ConfigError,
    NameRefused,
    OptionNotFound,
    StoreClosed,
    TableError,
    ValueRefused,
)
from support import fault_proxy as faults
from support.rig import open_rig

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy
from support.config_store_api import DB, client_of

# --- writing -------------------------------------------------------------------------------------


def test_set_replaces_the_whole_option(store: DynamoDBConfigStore) -> None:
    data = dict(DB)
    assert store.set("db", data) is True
    assert data == DB, "the caller's dict was changed"
    assert store.set("db", {"user": "me"}) is True
    assert store.config.get("db") == {"user": "me"}
    assert store.set("db", {}) is True
    assert store.config.get("db") == {}


def test_set_if_absent(store: DynamoDBConfigStore) -> None:
    assert store.set("db", {"a": 1}, if_absent=True) is True
    assert store.set("db", {"a": 2}, if_absent=True) is False
    assert store.config.get("db") == {"a": 1}


def test_delete(store: DynamoDBConfigStore) -> None:
    store.set("db", DB)
    assert store.delete("db") is True
    assert store.delete("db") is False
    with pytest.raises(OptionNotFound):
        store.config.get("db")


def test_stores_of_one_table_are_apart(client: DynamoDBClient, table_name: str) -> None:
    with (
        DynamoDBConfigStore(client, table_name, "prod") as prod,
        DynamoDBConfigStore(client, table_name, "test") as test,
    ):
        prod.set("db", {"host": "db-cluster.com"})
        test.set("db", {"host": "localhost"})
        assert prod.config.get() == {"db": {"host": "db-cluster.com"}}
        assert test.config.get() == {"db": {"host": "localhost"}}


@pytest.mark.parametrize(
    ("option", "data", "error", "match"),
    [
        ("", {}, NameRefused, "must not be empty"),
        ("x" * 1025, {}, NameRefused, "1025 bytes long, the limit is 1024"),
        ("ü" * 513, {}, NameRefused, "1026 bytes long"),
        ("\ud800", {}, NameRefused, "lone surrogate"),
        (None, {}, NameRefused, "must be a string"),
        ("db", {"_store": "x"}, ValueRefused, r"\['_store'\]: the table's own key"),
        ("db", {"_option": "x"}, ValueRefused, r"\['_option'\]: the table's own key"),
        ("db", {"": 1}, ValueRefused, "keys must not be empty"),
        ("db", {1: 1}, ValueRefused, "keys must be strings, not int"),
        ("db", [("a", 1)], ValueRefused, "a dict of keys and values, not list"),
        ("db", {"a": object()}, ValueRefused, r"\['a'\]: DynamoDB has no type for object"),
        ("db", {"a": [1, {"b": float("nan")}]}, ValueRefused, r"\['a'\]\[1\]\['b'\]: .*infinite"),
        ("db", {"a": "x" * 410_000}, ValueRefused, "limit is 409600"),
        ("db", {"k" * 65_536: 1}, ValueRefused, "name is 65536 bytes long, the limit is 65535"),
        ("db", {"a": [{"ü" * 32_768: 1}]}, ValueRefused, "name is 65536 bytes long"),
    ],
)
def test_what_is_refused_before_anything_is_sent(
    store: DynamoDBConfigStore,
    emulator_proxy: FaultProxy,
    option: Any,
    data: Any,
    error: type[ConfigError],
    match: str,
) -> None:
    before = emulator_proxy.count()
    with pytest.raises(error, match=match):
        store.set(option, data)
    assert emulator_proxy.count() == before


def test_names_at_their_limits(store: DynamoDBConfigStore) -> None:
    option = "ü" * 512
    assert store.set(option, {"a": 1}) is True
    assert list(store.config) == [option]


def test_item_at_the_limit_of_its_size(store: DynamoDBConfigStore, emulator_name: str) -> None:
    names = len("_store" + "prod" + "_option" + "db" + "a")
    if emulator_name != "moto":  # which measures something else
        store.set("db", {"a": "x" * (400 * 1024 - names)})
    with pytest.raises(ValueRefused, match="takes 409601 bytes"):
        store.set("db", {"a": "x" * (400 * 1024 - names + 1)})


def test_what_the_service_refuses_has_its_code(
    store: DynamoDBConfigStore, emulator_proxy: FaultProxy
) -> None:
    fault = faults.refusal("refused", 400, "ValidationException", "bad item")
    emulator_proxy.fail(fault, "PutItem")
    with pytest.raises(TableError, match="PutItem.*ValidationException: bad item") as caught:
        store.set("db", DB)
    assert caught.value.code == "ValidationException"


# --- the old library's attributes ---------------------------------------------------------------


def test_the_attributes_of_the_old_library(client: DynamoDBClient, table_name: str) -> None:
    arguments = (client, table_name, "prod", "app", "name", 3, 2, "TimeBasedConfigStore")
    kwargs = {"consistent_read": True}
    with DynamoDBConfigStore(*arguments, [60], kwargs) as store:
        assert store.connection is client
        assert (store.table_name, store.store_name) == (table_name, "prod")
        assert (store.store_key, store.option_key) == ("app", "name")
        assert (store.read_units, store.write_units) == (3, 2)
        assert store.config_store == "TimeBasedConfigStore"
        assert store.config_store_args == [60]
        assert store.config_store_kwargs is kwargs
        assert store.config.update_interval == 60  # type: ignore[attr-defined]
        assert (store.table.name, store.table.client) == (table_name, client)
        assert tuple(store.table.key_names) == ("app", "name")
        store.set("db", DB)
        item = store.table.item("prod", "db", consistent=True)
        assert item is not None
        assert (item["host"], item["port"]) == ({"S": DB["host"]}, {"N": "27017"})
    with pytest.raises(StoreClosed):
        _ = store.table


def test_the_attributes_without_arguments(client: DynamoDBClient, table_name: str) -> None:
    with DynamoDBConfigStore(client, table_name, "prod") as store:
        assert (store.read_units, store.write_units) == (1, 1)
        assert store.config_store == "SimpleConfigStore"
        assert (list(store.config_store_args), store.config_store_kwargs) == ([], {})


def test_the_table_of_a_shared_memory_store_is_connected_when_it_is_asked_for(
    client: DynamoDBClient, table_name: str
) -> None:
    with open_rig("SharedMemoryConfigStore", client, table_name) as rig:
        assert rig.store.table.name == table_name
        rig.store.table.check()


# --- creation ------------------------------------------------------------------------------------


def test_a_missing_table_is_created_with_the_units(client: DynamoDBClient, table_name: str) -> None:
    DynamoDBConfigStore(client, table_name, "prod", "app", "name", 3, 2).close()
    table = client.describe_table(TableName=table_name)["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "app", "KeyType": "HASH"},
        {"AttributeName": "name", "KeyType": "RANGE"},
    ]
    throughput = table["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (3, 2)


def test_the_throughput_of_a_table_is_left_alone(client: DynamoDBClient, table_name: str) -> None:
    DynamoDBConfigStore(client, table_name, "prod", read_units=5, write_units=4).close()
    DynamoDBConfigStore(client, table_name, "prod").close()
    DynamoDBConfigStore(client, table_name, "prod", read_units=None).close()
    throughput = client.describe_table(TableName=table_name)["Table"]["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (5, 4)


def test_many_create_the_table_at_once(client: DynamoDBClient, table_name: str) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(6)

    def create() -> None:
        start.wait()
        try:
            with DynamoDBConfigStore(client, table_name, "prod") as store:
                store.set("db", DB)
        except ConfigError as error:
            errors.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_two_processes_create_the_table_at_once(emulator_url: str, table_name: str) -> None:
    program = (
        "import sys, boto3\n"
        "from ddbcfg_client.config_stores.store import DynamoDBConfigStore\n"
        "client = boto3.client('dynamodb', endpoint_url=sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with DynamoDBConfigStore(client, sys.argv[2], 'prod') as store:\n"
        "    print(store.set('db', {'a': 1}))\n"
    )
    command = [sys.executable, "-c", program, emulator_url, table_name]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as two:
        for process in (one, two):
            assert process.stdout.readline() == "ready\n"  # type: ignore[union-attr]
        answers = []
        for process in (one, two):
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        for process in (one, two):
            answers.append(process.communicate(timeout=30)[0])
    assert answers == ["True\n", "True\n"]


def test_a_table_with_the_wrong_keys(client: DynamoDBClient, table_name: str) -> None:
    DynamoDBConfigStore(client, table_name, "prod").close()
    with pytest.raises(exceptions.MisconfiguredSchemaException):
        DynamoDBConfigStore(client, table_name, "prod", store_key="_option", option_key="_store")


def test_a_table_that_is_not_ready(proxy: FaultProxy, table_name: str) -> None:
    body = b'{"Table": {"TableStatus": "DELETING"}}'
    proxy.fail(faults.Fault("deleting", make=lambda _: body, served=False))
    with pytest.raises(exceptions.TableNotReadyException, match="DELETING"):
        DynamoDBConfigStore(client_of(proxy.url), table_name, "prod")


def test_exceptions_have_one_base() -> None:
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), ConfigError)


def test_unknown_config_store(table_name: str) -> None:
    with pytest.raises(NotImplementedError, match="'Nope'.*TimeBasedConfigStore") as caught:
        DynamoDBConfigStore(None, table_name, "prod", config_store="Nope")
    assert isinstance(caught.value, ConfigError)


@pytest.mark.parametrize("store_name", ["", "x" * 2049, None])
def test_store_name_that_dynamodb_cannot_hold(table_name: str, store_name: Any) -> None:
    with pytest.raises(NameRefused, match="store name"):
        DynamoDBConfigStore(None, table_name, store_name)
