"""DynamoDBConfigStore: creation, writing, and the reads that all config stores have in common."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from ddbcfg_client import exceptions
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    ConfigError,
    KeysRefused,
    NameRefused,
    OptionNotFound,
    SnapshotUnavailable,
    StoreClosed,
    TableError,
    ValueRefused,
)
from support import fault_proxy as faults
from support.rig import KINDS, open_rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy
    from support.rig import Rig

DB = {"host": "db-cluster.com", "port": 27017}

# For what no emulator has a say in.
once = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, client: DynamoDBClient, table_name: str) -> Iterator[Rig]:
    with open_rig(request.param, client, table_name) as rig:
        yield rig


@pytest.fixture
def store(client: DynamoDBClient, table_name: str) -> Iterator[DynamoDBConfigStore]:
    kwargs = {"consistent_read": True}
    with DynamoDBConfigStore(client, table_name, "prod", config_store_kwargs=kwargs) as store:
        yield store


# --- reading: every config store -----------------------------------------------------------------


def test_get(rig: Rig) -> None:
    rig.set("db", DB)
    rig.set("external-port", {"port": 80})
    config = rig.config
    db = {"host": "db-cluster.com", "port": Decimal(27017)}
    assert config.get("db") == config["db"] == config.get_option("db") == db
    assert type(config.get("db")["port"]) is Decimal
    assert config.get() == {"db": db, "external-port": {"port": Decimal(80)}}
    assert list(config.get()) == list(config) == ["db", "external-port"]
    assert len(config) == 2
    assert "db" in config
    assert "nope" not in config
    assert 3 not in config


def test_get_of_some_keys(rig: Rig) -> None:
    rig.set("db", {**DB, "user": "me", "_private": "x"})
    rig.set("other", {"a": 1})
    config = rig.config
    assert config.get("db", keys=["host", "_private"]) == {"host": DB["host"], "_private": "x"}
    assert config.get_option("db", ["host"]) == {"host": "db-cluster.com"}
    assert config.get("db", keys=iter(["host", "host"])) == {"host": "db-cluster.com"}
    assert config.get("db", keys=["nope"]) == config.get("db", keys=[]) == {}
    assert config.get(keys=["host"]) == {"db": {"host": "db-cluster.com"}, "other": {}}


def test_get_of_more_keys_than_an_expression_can_name(rig: Rig) -> None:
    data = {f"key-{i}": i for i in range(2000)}
    rig.set("db", data)
    rig.set("long names", {"x" * 60_000: 1, "y": 2})
    for keys in (list(data), [*reversed(data)], [f"nope-{i}" for i in range(1000)]):
        wanted = {key: data[key] for key in keys if key in data}
        assert list(rig.config.get("db", keys=keys).items()) == list(wanted.items())
        assert rig.config.get(keys=keys) == {"db": wanted, "long names": {}}
    long = [*(f"{i:0>65535}" for i in range(50)), "x" * 60_000, "é" * 32767]
    assert rig.config.get("long names", keys=long) == {"x" * 60_000: 1}


@once
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("host", r"a list of names is expected, such as \['host'\], not a string"),
        (5, "a list of names is expected, not int"),
        ([1], "name 0 must be a string, not int"),
        (["host", None], "name 1 must be a string, not NoneType"),
        (b"host", "name 0 must be a string, not int"),
        ([""], "name 0 is empty"),
        (["host", "\ud800"], "name 1 is not valid Unicode"),
        (["x" * 65536], "name 0 is 65536 bytes long, the limit is 65535"),
        (["é" * 32768], "name 0 is 65536 bytes long"),
    ],
)
def test_keys_that_no_option_can_have(rig: Rig, keys: Any, reason: str) -> None:
    rig.set("db", DB)
    config = rig.config
    for read in (
        lambda: config.get("db", keys=keys),
        lambda: config.get(keys=keys),
        lambda: config.get("nope", 3, keys=keys),
        lambda: config.get_option("db", keys),
    ):
        with pytest.raises(KeysRefused, match=reason) as caught:
            read()
        assert isinstance(caught.value, ConfigError)
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ValueError)
        copied = pickle.loads(pickle.dumps(caught.value))
        assert (str(copied), copied.reason) == (str(caught.value), caught.value.reason)


class Key(StrEnum):
    HOST = "host"


def test_keys_are_taken_for_what_they_hold(rig: Rig) -> None:
    rig.set("db", DB)
    (key,) = rig.config.get("db", keys=[Key.HOST])
    assert (key, type(key)) == ("host", str)


@once
@pytest.mark.parametrize("option", [0, 1, (), [], {}, False, b"db", object()])
def test_what_is_no_name_is_no_option(rig: Rig, option: Any) -> None:
    """The old library gave every option for what is false."""
    rig.set("db", DB)
    for read in (rig.config.get, rig.config.get_option, rig.config.__getitem__):
        with pytest.raises(OptionNotFound):
            read(option)
    assert rig.config.get(option, "default") == "default"
    assert option not in rig.config


def test_none_is_every_option_to_get_only(rig: Rig) -> None:
    rig.set("db", DB)
    assert list(rig.config.get(None)) == ["db"]
    for read in (rig.config.get_option, rig.config.__getitem__):
        with pytest.raises(OptionNotFound):
            read(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["nope", "", "x" * 2000, "\ud800", "Größe"])
def test_missing_option(rig: Rig, option: str) -> None:
    rig.set("db", DB)
    for read in (rig.config.get, rig.config.get_option, rig.config.__getitem__):
        with pytest.raises(OptionNotFound) as caught:
            read(option)
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, exceptions.ItemNotFound)
    assert rig.config.get(option, None) is None
    assert rig.config.get(option, 3, keys=["a"]) == 3
    assert option not in rig.config


def test_empty_store(rig: Rig) -> None:
    assert rig.config.get() == {}
    assert len(rig.config) == 0


@pytest.mark.parametrize("option", ["get", "reload", "close", "two words", "a-b", "1st", "_find"])
def test_option_names_that_are_no_attributes(rig: Rig, option: str) -> None:
    rig.set(option, {"key": "value"})
    assert rig.config.get(option) == rig.config[option] == {"key": "value"}


def test_results_are_read_only(rig: Rig) -> None:
    rig.set("db", {"list": [1], "map": {"a": 1}, "set": {1}})
    for found in (rig.config.get("db"), rig.config.get()["db"]):
        for change in (
            lambda found=found: found.update(a=1),
            lambda found=found: found["list"].append(2),
            lambda found=found: found["map"].clear(),
            lambda found=found: found["set"].add(2),
        ):
            with pytest.raises(TypeError):
                change()


def test_values_do_not_show(rig: Rig) -> None:
    rig.set("db", {"password": "p1anted-s3cret"})
    rig.config.get()
    assert "p1anted" not in repr(rig.config) + repr(rig.store)


@pytest.mark.parametrize("kind", ["TimeBasedConfigStore", "SharedMemoryConfigStore"])
def test_attributes(client: DynamoDBClient, table_name: str, kind: str) -> None:
    with open_rig(kind, client, table_name) as rig:
        rig.set("db", DB)
        config: Any = rig.config
        assert config.db == {"host": "db-cluster.com", "port": Decimal(27017)}
        assert not hasattr(config, "nope")
        with pytest.raises(AttributeError, match="'prod' has no option 'nope'"):
            config.nope  # noqa: B018


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
    emulator_proxy.fail(faults.refusal("refused", 400, "ValidationException", "bad item"))
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


# --- connections ---------------------------------------------------------------------------------


def client_of(url: str) -> DynamoDBClient:
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("dynamodb", endpoint_url=url, config=once)


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
        with DynamoDBConfigStore(boto3.Session(), table_name, "prod") as store:
            store.set("db", DB)
            assert proxy.connections == 1
        proxy.wait_for_connections(0)


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
        done = subprocess.run(
            [sys.executable, "-c", program, table_name], capture_output=True, text=True, check=True
        )
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
