"""``ddbcfg-client`` set, delete and create-table, on both emulators."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy
from support.write_commands import Client, once

# --- set and delete ------------------------------------------------------------------------------


def test_set_writes_text_json_and_bytes(run: Client) -> None:
    said = run.done("set", "db", "host=db2.example.com", "port:=27018", "ca:b64=AP8=", 't:=["a"]')
    assert said == f"{run.table.name}/prod: set db, 4 keys\n"
    db = run.options()["db"]
    assert db == {"host": "db2.example.com", "port": Decimal(27018), "ca": b"\x00\xff", "t": ["a"]}
    assert [type(value).__mro__[-2] for value in db.values()].count(Decimal) == 1


def test_set_replaces_the_whole_option(run: Client) -> None:
    """And says which keys it dropped."""
    run.done("set", "db", "host=a", "port:=1", "a b:=1")
    said = run.done("set", "db", "host=b")
    lines = ["set db, 1 key", "  dropped: 'a b'", "  dropped: port"]
    assert said == f"{run.table.name}/prod: " + "\n".join(lines) + "\n"
    assert run.options() == {"db": {"host": "b"}}


def test_merge_changes_and_removes_single_keys(run: Client) -> None:
    run.done("set", "db", "host=a", "port:=1", "_user=me", "name=x")
    said = run.done("set", "db", "--merge", "host=b", "new:=[1]", "_user-", "nope-", "name-")
    lines = ["set db, changed 2 keys, removed 2 keys", "  was not there: nope"]
    assert said == f"{run.table.name}/prod: " + "\n".join(lines) + "\n"
    assert run.options() == {"db": {"host": "b", "port": 1, "new": [1]}}
    run.done("set", "--merge", "db", "new-")
    run.done("set", "--merge", "db", "port:=2")
    assert run.options() == {"db": {"host": "b", "port": 2}}


def test_merge_takes_an_option_that_is_there(run: Client) -> None:
    """A name that is mistyped would make another option."""
    result = run("set", "--merge", "db", "a=1")
    assert (result.code, result.out) == (1, "")
    assert result.err == "ddbcfg-client: store 'prod' has no option 'db'\n"
    assert run.options() == {}


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--if-absent", "a=1"), "--merge takes an option that is there"),
        (("_store=1",), "the table's own key has this name"),
        (("_option-",), "the table's own key has this name"),
        (("a=1", "a-"), "key 'a': is there twice"),
    ],
)
def test_merges_that_make_no_sense(run: Client, arguments: tuple[str, ...], message: str) -> None:
    result = run("set", "--merge", "db", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_set_of_numbers_is_exact(run: Client) -> None:
    digits = "1234567890123456789.0123456789012345678"
    run.done("set", "n", f"n:={digits}", 'set:={"$set": [1E+2, 0.1]}')
    assert run.options()["n"] == {"n": Decimal(digits), "set": {Decimal(100), Decimal("0.1")}}


def test_numbers_are_sent_in_plain_digits(
    run: Client, emulator_proxy: FaultProxy, tmp_path: Path
) -> None:
    """Whichever way they are written, so that equal numbers are equal in the table."""
    emulator_proxy.reset()
    numbers = '{"n": 2.7010E+4, "m": {"a": [1E+40, 0.50, -0.0]}, "s": {"$set": [1E+2, 1E-7]}}'
    run.done(
        "set", "by set", *(f"{key}:={json.dumps(v)}" for key, v in json.loads(numbers).items())
    )
    file = tmp_path / "config.json"
    file.write_text(f'{{"prod": {{"by import": {numbers}}}}}')
    run.done("import", file)
    with run.store() as store:
        values = {
            "n": 27010.0,
            "m": {"a": [10**40, Decimal("0.50"), -0.0]},
            "s": {Decimal("1E+2"), 1e-7},
        }
        store.set("by the library", values)
        assert [str(store.config.get(name)["n"]) for name in store.config] == ["27010"] * 3
    sent = [request.body["Item"] for request in emulator_proxy.requests if "Item" in request.body]
    assert len(sent) == 3
    for item in sent:
        plain = [{"N": "1" + "0" * 40}, {"N": "0.5"}, {"N": "0"}]
        assert (item["n"], item["m"]) == ({"N": "27010"}, {"M": {"a": {"L": plain}}})
        assert item["s"] == {"NS": ["0.0000001", "100"]}


@once
@pytest.mark.parametrize(
    "arguments",
    [
        ("--store", "test", "db", "a=1", "-b=2"),
        ("db", "--store", "test", "a=1", "-b=2"),
        ("db", "a=1", "--store=test", "-b=2"),
        ("db", "a=1", "-b=2", "--store", "test"),
    ],
)
def test_flags_stand_anywhere(run: Client, arguments: tuple[str, ...]) -> None:
    """A key that starts with - goes after --, whatever stands before that."""
    flagless = [argument for argument in arguments if argument != "-b=2"]
    run.done("set", *flagless, "--", "-b=2")
    assert run.options("test") == {"db": {"a": "1", "-b": "2"}}
    assert run.options() == {}


def test_set_if_absent(run: Client) -> None:
    run.done("set", "--if-absent", "db", "a=1")
    again = run("set", "db", "a=2", "--if-absent")
    assert (again.code, again.out) == (1, "")
    said = "store 'prod' has an option 'db' already; nothing was written"
    assert again.err == f"ddbcfg-client: {said}\n"
    assert run.options() == {"db": {"a": "1"}}


def test_delete(run: Client) -> None:
    run.done("set", "db", "a=1")
    run.done("set", "db", "a=1", "--store", "test")
    assert run.done("delete", "db") == f"{run.table.name}/prod: deleted db\n"
    again = run("delete", "db")
    assert (again.code, again.out) == (1, "")
    assert again.err == "ddbcfg-client: store 'prod' has no option 'db'\n"
    assert run.options("test") == {"db": {"a": "1"}}


@once
def test_names_that_would_upset_a_terminal_are_quoted(run: Client) -> None:
    assert run.done("set", "a\x1b[2J", "a=1") == f"{run.table.name}/prod: set 'a\\x1b[2J', 1 key\n"


# --- which table, which store --------------------------------------------------------------------


def test_every_setting_comes_from_a_flag_or_its_variable(
    client_to: Client, client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, endpoint = client_to, os.environ["DDBCFG_ENDPOINT_URL"]
    flags = {
        "TABLE": run.table.name,
        "STORE": "prod",
        "REGION": "eu-west-1",
        "ENDPOINT_URL": endpoint,
        "STORE_KEY": "s",
        "OPTION_KEY": "o",
    }
    ensure_table(Table(client, run.table.name, KeyNames("s", "o")))
    for name, value in flags.items():
        monkeypatch.setenv(f"DDBCFG_{name}", value)
    run.done("set", "db", "_store=by variable")
    for name in flags:
        monkeypatch.setenv(f"DDBCFG_{name}", "http://127.0.0.1:1")
    by_flag = [f"--{name.replace('_', '-').lower()}={value}" for name, value in flags.items()]
    run.done("set", "db2", "_option=by flag", *by_flag)
    found = client.scan(TableName=run.table.name)["Items"]
    assert sorted(found, key=lambda item: str(item["o"])) == [
        {"s": {"S": "prod"}, "o": {"S": "db"}, "_store": {"S": "by variable"}},
        {"s": {"S": "prod"}, "o": {"S": "db2"}, "_option": {"S": "by flag"}},
    ]


@once
@pytest.mark.parametrize(
    "command", [("set", "db", "a=1"), ("delete", "db"), ("export",), ("import", "f"), ()]
)
@pytest.mark.parametrize("missing", ["TABLE", "STORE"])
def test_what_is_not_named_is_a_usage_error(
    client_to: Client, monkeypatch: pytest.MonkeyPatch, missing: str, command: tuple[str, ...]
) -> None:
    """What is written has to be named, even where reading would find the one store there is."""
    if missing == "STORE" and command in [("import", "f"), ()]:
        return  # every store in the file; a table has no store
    monkeypatch.setenv(f"DDBCFG_{missing}", "")
    result = client_to(*(command or ("create-table",)))
    assert (result.code, result.out) == (2, "")
    name = missing.lower()
    assert f"no {name} is named: use --{name} {missing} or DDBCFG_{missing}" in result.err


@once
@pytest.mark.parametrize("command", [("set", "db", "a=1"), ("delete", "db")])
def test_one_option_is_of_one_store(
    client_to: Client, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The daemon's variable may name several, and a store called "prod,test" nobody wants."""
    monkeypatch.setenv("DDBCFG_STORE", "prod,test")
    result = client_to(*command)
    assert result.code == 2
    assert "several stores are named: name one with --store" in result.err


def test_create_table(client_to: Client, client: DynamoDBClient) -> None:
    run = client_to
    said = run.done("create-table", "--read-units", "3", "--store-key", "app")
    assert said == f"created table {run.table.name}, keys app and _option\n"
    table = client.describe_table(TableName=run.table.name)["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["app", "_option"]
    throughput = table["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (3, 1)
    said = run.done("create-table", "--store-key", "app")
    assert said == f"table {run.table.name} already exists; nothing was changed\n"
    other = run("create-table")
    assert (other.code, other.out) == (6, "")
    assert "has the wrong key schema" in other.err


def test_create_table_on_demand(client_to: Client, emulator_proxy: FaultProxy) -> None:
    client_to.done("create-table", "--on-demand")
    [request] = [r for r in emulator_proxy.requests if r.operation == "CreateTable"]
    assert request.body["BillingMode"] == "PAY_PER_REQUEST"
    assert "ProvisionedThroughput" not in request.body


@once
@pytest.mark.parametrize(
    "flags", [("--on-demand", "--read-units=1"), ("--write-units=0",), ("--read-units=x",)]
)
def test_units_that_make_no_sense(client_to: Client, flags: tuple[str, ...]) -> None:
    result = client_to("create-table", *flags)
    assert result.code == 2
    assert "--read-units" in result.err
