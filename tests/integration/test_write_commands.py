"""``ddbcfg-client`` set, delete, create-table, export and import, on both emulators."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.loaders import Loader, create_loader

from ddbcfg_client.commands import main as cli
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.notation.files import load_file, save_file
from ddbcfg_client.notation.reader import loads
from ddbcfg_daemon.sources.local_dynamodb import REGION, LocalDynamoDB
from support import fault_proxy as faults
from support.waiting import in_child

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy

SECRET = "p1anted-s3cret"
EVERY_TYPE: dict[str, Any] = {
    "string": 'grüezi "quoted"\n\t\x01 日本 \U0001f600',
    "empty string": "",
    "number": Decimal("-1234567890123456789.0123456789012345678"),
    "tiny": Decimal("1E-130"),
    "huge": Decimal("9.9999999999999999999999999999999999999E+125"),
    "round": Decimal(27000),
    "yes": True,
    "no": False,
    "nothing": None,
    "binary": b"\x00\xff",
    "no bytes": b"",
    "strings": {"b", "a", "ü"},
    "numbers": {Decimal(3), Decimal("-2.5")},
    "binaries": {b"\x01", b"\x00"},
    "list": ["a", Decimal(1), None, [b"x", {"deep": {"er"}}]],
    "map": {"$set": ["a"], "b": {}, "_store": "not a key here"},
    "empty list": [],
    "$dollar": Decimal(1),
}


@dataclass
class Result:
    code: int
    out: str
    err: str


class Client:
    """Runs commands on a table; what they need to know of it is in the environment."""

    def __init__(self, table: Table, capfd: pytest.CaptureFixture[str]) -> None:
        self.table = table
        self._capfd = capfd

    def __call__(self, *arguments: str | Path) -> Result:
        self._capfd.readouterr()
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        return Result(code, *self._capfd.readouterr())

    def done(self, *arguments: str | Path) -> str:
        """What a command prints that succeeds."""
        result = self(*arguments)
        assert (result.code, result.err) == (0, "")
        return result.out

    def store(self, name: str = "prod", table: str | None = None) -> DynamoDBConfigStore:
        return DynamoDBConfigStore(
            self.table.client,
            table or self.table.name,
            name,
            config_store_kwargs={"consistent_read": True},
        )

    def options(self, name: str = "prod", table: str | None = None) -> dict[str, Any]:
        with self.store(name, table) as store:
            return dict(store.config.get())


@pytest.fixture(scope="module")
def loader() -> Loader:
    """What botocore knows of AWS, which takes longer to read than a command takes to run."""
    return create_loader()


@pytest.fixture
def client_to(
    client: DynamoDBClient,
    loader: Loader,
    emulator_proxy: FaultProxy,
    table_name: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Client:
    """The command line with the store and a table named that is not there yet."""
    monkeypatch.setenv("DDBCFG_ENDPOINT_URL", emulator_proxy.url)
    monkeypatch.setenv("DDBCFG_TABLE", table_name)
    monkeypatch.setenv("DDBCFG_STORE", "prod")
    monkeypatch.setattr("botocore.session.create_loader", lambda _: loader)
    # The pauses between two tries.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    return Client(Table(client, table_name), capfd)


@pytest.fixture
def run(client_to: Client) -> Client:
    """The same with an empty table."""
    ensure_table(client_to.table)
    return client_to


Writes = Callable[[], list[str]]

# For what no emulator has a say in.
once = pytest.mark.parametrize("emulator_name", ["moto"])


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


def python(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "ddbcfg_client", *map(str, arguments)]


def write_file(path: Path, stores: dict[str, Any]) -> Path:
    path.write_text(json.dumps(stores))
    return path


# --- set and delete ------------------------------------------------------------------------------


def test_set_writes_text_json_and_bytes(run: Client) -> None:
    said = run.done("set", "db", "host=db2.example.com", "port:=27018", "ca:b64=AP8=", 't:=["a"]')
    assert said == f"{run.table.name}/prod: set db, 4 keys\n"
    db = run.options()["db"]
    assert db == {"host": "db2.example.com", "port": Decimal(27018), "ca": b"\x00\xff", "t": ["a"]}
    assert [type(value).__mro__[-2] for value in db.values()].count(Decimal) == 1


def test_set_replaces_the_whole_option(run: Client) -> None:
    run.done("set", "db", "host=a", "port:=1")
    run.done("set", "db", "host=b")
    assert run.options() == {"db": {"host": "b"}}


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
    assert said == f"table {run.table.name} is there already; nothing was changed\n"
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


# --- export and import ---------------------------------------------------------------------------


def test_export_and_import_keep_every_type(
    run: Client, client: DynamoDBClient, tmp_path: Path
) -> None:
    """Into another store of another table, and the attribute values are the same."""
    with run.store() as store:
        store.set("every type", EVERY_TYPE)
        store.set("$name", {"a": 1})
        store.set("empty", {})
    file = tmp_path / "prod.json"
    assert run.done("export", file) == ""
    file.write_text(file.read_text().replace('"prod"', '"copy"', 1))

    other = f"{run.table.name}-2"
    run.done("create-table", "--table", other)
    said = run.done("import", file, "--table", other, "--store", "copy")
    assert said.endswith("3 added, 0 changed, 0 deleted, 0 unchanged\n")

    options = run.options("copy", other)
    assert options == {"every type": EVERY_TYPE, "$name": {"a": 1}, "empty": {}}
    assert options["every type"]["yes"] is True
    assert run.done("export", "--table", other, "--store", "copy") == file.read_text()

    def items(table: str, store: str) -> list[Any]:
        """As on the wire, where the members of a set have no order."""
        return [
            {
                key: {kind: sorted(value) if kind in ("SS", "NS", "BS") else value}
                for key, attribute in item.items()
                for kind, value in attribute.items()
                if key != "_store"
            }
            for item in Table(client, table).items(store, consistent=True)
        ]

    assert items(other, "copy") == items(run.table.name, "prod")


@pytest.mark.parametrize("inmost", ['"leaf"', "[]", "{}", '{"$set": [1]}'])
def test_set_export_and_import_nest_as_deep(run: Client, tmp_path: Path, inmost: str) -> None:
    def nested(levels: int) -> str:
        levels -= inmost in ("[]", "{}")
        return "[" * levels + inmost + "]" * levels

    file = tmp_path / "config.json"
    run.done("set", "db", f"deep:={nested(32)}")
    run.done("export", file)
    run.done("import", file)
    before = run.options()

    too_deep = f'{{"prod": {{"db": {{"deep": {nested(33)}}}}}}}'
    results = [run("set", "db", f"deep:={nested(33)}")]
    file.write_text(too_deep)
    results.append(run("import", file))
    assert run.options() == before
    attribute = attributes_of("db", {"deep": loads(nested(32), "")})["deep"]
    run.table.put("prod", "db", {"deep": {"L": [attribute]}})
    results.append(run("export", file))
    assert file.read_text() == too_deep
    for result in results:
        assert (result.code, result.out) == (2, "")
        assert "nested deeper than DynamoDB's 32 levels" in result.err


def test_export_is_sorted_with_a_line_for_each_key(run: Client) -> None:
    run.done("set", "web", "z:=1", "a=ü", 'm:={"b": 1E+3, "a": true}')
    run.done("set", "db", 'tags:={"$set": ["b", "a"]}')
    run.done("set", "x", "a=1", "--store", "test")
    prod = """\
  "prod": {
    "db": {
      "tags": {"$set": [
        "a",
        "b"
      ]}
    },
    "web": {
      "a": "ü",
      "m": {
        "a": true,
        "b": 1000
      },
      "z": 1
    }
  }"""
    test = '  "test": {\n    "x": {\n      "a": "1"\n    }\n  }'
    assert run.done("export") == f"{{\n{prod}\n}}\n"
    assert run.done("export", "-", "--store=test", "--store=prod") == f"{{\n{prod},\n{test}\n}}\n"


def test_an_exported_file_is_a_local_dynamodb(run: Client, tmp_path: Path) -> None:
    with run.store() as store:
        store.set("every type", EVERY_TYPE)
    file, again = tmp_path / "config.json", tmp_path / "again.json"
    run.done("export", file)
    with LocalDynamoDB() as local:
        local.load("config", load_file(file))
        there = ("--endpoint-url", local.endpoint_url, "--table", "config", "--region", REGION)
        run.done("export", *there, again)
    assert again.read_bytes() == file.read_bytes()


@once
def test_export_to_a_file_is_private_and_whole(run: Client, tmp_path: Path) -> None:
    run.done("set", "db", f"password={SECRET}")
    file, link = tmp_path / "config.json", tmp_path / "link.json"
    run.done("export", file)
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    file.write_text("old")
    link.symlink_to(file)
    run.done("export", link)
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert load_file(file) == {"prod": {"db": {"password": SECRET}}}
    assert sorted(tmp_path.iterdir()) == [file, link]


@once
def test_export_of_a_store_that_is_not_there_leaves_the_file_alone(
    run: Client, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text("old")
    result = run("export", file, "--store", "prdo")
    assert (result.code, result.out) == (1, "")
    assert "store 'prdo' has no options in table" in result.err
    assert file.read_text() == "old"


@once
@pytest.mark.parametrize("file", ["nowhere/config.json", ".", "/dev/full"])
def test_export_to_what_cannot_be_written(run: Client, tmp_path: Path, file: str) -> None:
    run.done("set", "db", f"password={SECRET}")
    result = run("export", tmp_path / file)
    assert (result.code, result.out) == (2, "")
    assert str(tmp_path / file) in result.err
    assert list(tmp_path.iterdir()) == []


@once
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")
def test_export_over_a_file_of_another_user_leaves_it_his(run: Client, tmp_path: Path) -> None:
    run.done("set", "db", f"password={SECRET}")
    file = tmp_path / "theirs"
    for mode in (0o600, 0o640):
        file.write_text("old")
        os.chown(file, 65534, 65533)
        file.chmod(mode)
        run.done("export", file)
        status = file.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (65534, 65533, mode)
        assert load_file(file)["prod"]["db"] == {"password": SECRET}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")
def test_a_file_that_another_user_would_lose_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    file = tmp_path / "theirs"
    file.write_text("old")

    def save() -> str:
        os.setgid(65534)
        os.setuid(65534)
        try:
            save_file(str(file), b"new")
        except OSError as error:
            return str(error.strerror)
        return "written"

    for folder in tmp_path.parents[:2]:  # pytest lets nobody else in
        folder.chmod(0o755)
    assert "belongs to another user or group" in in_child(save)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


@once
def test_export_to_a_standard_output_that_is_full(run: Client) -> None:
    run.done("set", "db", f"password={SECRET}")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            python("export"), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 74
    said = "ddbcfg-client: standard output cannot be written: No space left on device\n"
    assert done.stderr == said


def test_import_says_what_changes_and_shows_no_value(run: Client, tmp_path: Path) -> None:
    run.done("set", "db", f"password={SECRET}", "port=1", "old=1")
    run.done("set", "same", "n:=100")
    run.done("set", "kept", "n:=1")
    content = {
        "db": {"password": f"not {SECRET}", "port": 1},
        "same": {"n": 1e2},
        "web": {"key": SECRET},
    }
    said = run.done("import", write_file(tmp_path / "f", {"prod": content, "test": {"x": {}}}))
    assert (
        said
        == f"""\
{run.table.name}/prod
  ~ db
      - old: string
      ~ password: string
      ~ port: string -> number
  + web
      + key: string
not imported, for they were not named: test
1 added, 1 changed, 0 deleted, 1 unchanged, 1 kept that the file does not have
"""
    )
    assert run.options() == {**content, "same": {"n": 100}, "kept": {"n": 1}}
    assert run.options("test") == {}


def test_import_writes_only_what_differs(run: Client, writes: Writes, tmp_path: Path) -> None:
    file = write_file(tmp_path / "f", {"prod": {"a": {"x": 1}, "b": {"x": True}, "c": {}}})
    run.done("import", file)
    assert writes() == ["PutItem a", "PutItem b", "PutItem c"]
    run.done("set", "b", "x:=1")  # which is == True in Python
    writes()
    assert run.done("import", file).endswith("0 added, 1 changed, 0 deleted, 2 unchanged\n")
    assert writes() == ["PutItem b"]
    assert run.done("import", file) == "0 added, 0 changed, 0 deleted, 3 unchanged\n"
    assert writes() == []


def test_import_of_every_store_in_the_file(
    run: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = write_file(tmp_path / "f", {name: {"a": {"b": name}} for name in ("x", "y", "z")})
    monkeypatch.setenv("DDBCFG_STORE", "y,z")  # as the daemon reads it
    run.done("import", file)
    assert [run.options(name) != {} for name in "xyz"] == [False, True, True]
    monkeypatch.delenv("DDBCFG_STORE")
    run.done("import", file)
    assert [run.options(name) for name in "xyz"] == [{"a": {"b": name}} for name in "xyz"]


@once
def test_import_of_a_store_that_the_file_does_not_have(
    run: Client, writes: Writes, tmp_path: Path
) -> None:
    file = write_file(tmp_path / "f", {"test": {"a": {"b": 1}}})
    result = run("import", file, "--replace", "--yes")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"ddbcfg-client: {file}: has no store 'prod'; the stores in it: 'test'\n"
    assert writes() == []


def test_dry_run_changes_nothing_and_asks_nothing(
    run: Client, writes: Writes, tmp_path: Path
) -> None:
    run.done("set", "old", "a=1")
    writes()
    file = write_file(tmp_path / "f", {"prod": {"new": {"a": 1}}})
    said = run.done("import", file, "--dry-run", "--replace")
    assert "  + new\n" in said
    assert "  - old\n" in said
    counted = "1 added, 0 changed, 1 deleted, 0 unchanged"
    assert said.endswith(f"dry run, nothing was written: {counted}\n")
    assert writes() == []
    assert run.options() == {"old": {"a": "1"}}


def test_replace_deletes_exactly_what_is_not_in_the_file(
    run: Client, writes: Writes, tmp_path: Path
) -> None:
    for option in ("a", "b", "c"):
        run.done("set", option, "x=1")
    run.done("set", "a", "x=1", "--store", "test")
    writes()
    file = write_file(tmp_path / "f", {"prod": {"b": {"x": "1"}, "d": {}}})
    said = run.done("import", file, "--replace", "--yes")
    assert said.endswith("1 added, 0 changed, 2 deleted, 1 unchanged\n")
    assert writes() == ["PutItem d", "DeleteItem a", "DeleteItem c"]
    assert run.options() == {"b": {"x": "1"}, "d": {}}
    assert run.options("test") == {"a": {"x": "1"}}


@once
@pytest.mark.parametrize(
    ("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("\x04", 1)]
)
def test_on_a_terminal_it_asks_before_it_deletes(
    run: Client, tmp_path: Path, answer: str, code: int
) -> None:
    run.done("set", "old", "a=1")
    file = write_file(tmp_path / "f", {"prod": {"new": {"a": 1}}})
    terminal, stdin = pty.openpty()
    with subprocess.Popen(
        python("import", file, "--replace"),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(stdin)
        assert process.stderr is not None
        asked = process.stderr.read(len("Delete 1 option? [y/N] "))
        os.write(terminal, answer.encode())
        out, err = process.communicate()
    os.close(terminal)
    assert asked == b"Delete 1 option? [y/N] "
    assert b"  - old\n" in out, "it asked before it said what it would delete"
    assert process.returncode == code
    assert run.options() == ({"new": {"a": 1}} if code == 0 else {"old": {"a": "1"}})
    assert err.decode() == ("" if code == 0 else "ddbcfg-client: nothing was written\n")


@once
@pytest.mark.parametrize("how", ["no terminal", "closed", "file is standard input"])
def test_without_a_terminal_it_deletes_only_with_yes(run: Client, tmp_path: Path, how: str) -> None:
    run.done("set", "old", "a=1")
    file = write_file(tmp_path / "f", {"prod": {"new": {"a": 1}}})
    given = "-" if how == "file is standard input" else file
    command = python("import", given, "--replace")
    if how == "closed":
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    for more, code, left in (((), 2, "old"), (("--yes",), 0, "new")):
        with file.open() if given == "-" else open(os.devnull) as stdin:
            done = subprocess.run(
                [*command, *more], stdin=stdin, capture_output=True, text=True, check=False
            )
        assert done.returncode == code, done.stderr
        assert list(run.options()) == [left]
        if code:
            assert "deletes 1 option and there is no terminal to ask on: add --yes" in done.stderr


@once
def test_without_anything_to_delete_it_does_not_ask(run: Client, tmp_path: Path) -> None:
    run.done("set", "old", "a=1")
    file = write_file(tmp_path / "f", {"prod": {"old": {}, "new": {"a": 1}}})
    done = subprocess.run(
        python("import", file, "--replace"), stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0


def test_import_that_fails_half_way_says_how_far_it_came(
    run: Client, emulator_proxy: FaultProxy, tmp_path: Path
) -> None:
    file = write_file(tmp_path / "f", {"prod": {name: {"x": SECRET} for name in "abc"}})
    emulator_proxy.fail(faults.THROTTLED, "PutItem", after=1)
    result = run("import", file)
    assert result.code == 6
    assert "1 of 3 options were written; import again to write the others" in result.err
    assert "ProvisionedThroughputExceededException" in result.err
    assert SECRET not in result.out + result.err
    emulator_proxy.heal()
    assert run.done("import", file).endswith("2 added, 0 changed, 0 deleted, 1 unchanged\n")


@once
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f'{{"prod": {{"db": {{"p": "{SECRET}",}}}}}}', ":1: not JSON"),
        (f'{{"prod": {{"db": "{SECRET}"}}}}', "prod.db: must be an object"),
        (f'{{"prod": {{"db": {{"_store": "{SECRET}"}}}}}}', "prod.db._store: is a key of the"),
        (f'{{"prod": {{"a": {{"b": 1}}, "db": {{"p": "{SECRET * 30000}"}}}}}}', "it takes 4"),
        (f'{{"prod": {{"a": {{"b": 1}}, "{"x" * 1025}": {{"p": "{SECRET}"}}}}}}', "1025 bytes"),
        (f'{{"prod": {{"db": {{"p": "{SECRET}\udcff"}}}}}}', ":1: not UTF-8"),
    ],
)
def test_import_of_a_bad_file_changes_nothing_and_shows_no_value(
    run: Client, writes: Writes, tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "f"
    file.write_text(content, errors="surrogateescape")
    result = run("import", file)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert SECRET not in result.err
    assert writes() == []


@once
def test_import_of_a_file_that_is_not_there(run: Client, tmp_path: Path) -> None:
    result = run("import", tmp_path / "f")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"ddbcfg-client: {tmp_path / 'f'}: No such file or directory\n"


# --- when something is wrong ---------------------------------------------------------------------


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("db", SECRET), "argument 1 after OPTION: is not KEY=TEXT"),
        (("db",), "required: KEY=VALUE"),
        (("db", f"p={SECRET}", f"p={SECRET}"), "key 'p': is there twice"),
        (("db", f"p:={SECRET}"), "key 'p':1: not JSON"),
        (("db", f"p:b64={SECRET}"), "key 'p': is not base64"),
        (("db", "p=1", f"--password={SECRET}"), "unrecognized arguments: --password ("),
        (("db", "p=1", f"-p={SECRET}"), "unrecognized arguments: -p ("),
        (("db", f"_store={SECRET}"), "the table's own key has this name"),
        (("db", f"p={SECRET}\udcff"), "not valid Unicode"),
        (("db", f"p={SECRET * 30000}"), "DynamoDB's limit is 409600"),
        (("", f"p={SECRET}"), "option name '' must not be empty"),
        (("db", f"p={SECRET}", "--store", ""), "store name '' must not be empty"),
    ],
)
def test_set_that_fails_says_why_and_shows_no_value(
    run: Client, writes: Writes, arguments: tuple[str, ...], message: str
) -> None:
    result = run("set", *arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert SECRET not in result.err
    assert run.options() == {}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--table", "nope"), "ResourceNotFoundException"),
        (("--table", "a b"), "PutItem on table 'a b'"),
        (("--store-key", "x"), "ValidationException"),
        (("--endpoint-url", "nonsense"), "check --endpoint-url"),
        (("--endpoint-url", "http://127.0.0.1:PORT"), "127.0.0.1:PORT' has no number for a port"),
    ],
)
def test_set_that_dynamodb_refuses_says_what_it_answered_and_shows_no_value(
    run: Client, flags: tuple[str, ...], message: str
) -> None:
    result = run("set", "db", f"p={SECRET}", *flags)
    assert (result.code, result.out) == (6, "")
    assert message in result.err
    assert SECRET not in result.err
    assert run.options() == {}


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        *((("set", "db", f"p={SECRET}"), fault) for fault in faults.FAULTS),
        *((command, faults.DENIED) for command in (("delete", "db"), ("export",), ("import", "-"))),
        (("create-table",), faults.DENIED),
    ],
    ids=str,
)
def test_dynamodb_fails(
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    table_name: str,
    command: tuple[str, ...],
    fault: faults.Fault,
) -> None:
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr("ddbcfg_client.dynamodb.client.READ_TIMEOUT", 0.2)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(b'{"prod": {}}')))
    monkeypatch.setenv("DDBCFG_STORE", "prod")
    proxy.fail(fault)
    assert cli.main([*command, "--table", table_name, "--endpoint-url", proxy.url]) == 6
    out, err = capfd.readouterr()
    assert (out, SECRET in err) == ("", False)
    assert err.startswith("ddbcfg-client: ")
    assert err.count("\n") == 1


@once
def test_nothing_answers_at_the_endpoint(run: Client) -> None:
    result = run("set", "db", f"p={SECRET}", "--endpoint-url", "http://127.0.0.1:1")
    assert (result.code, result.out) == (6, "")
    assert "EndpointConnectionError" in result.err
    assert SECRET not in result.err


@pytest.mark.parametrize(
    "command",
    [
        ("set", "db", f"p={SECRET}"),
        ("delete", "db"),
        ("create-table",),
        ("export",),
        ("import", "/dev/null"),
    ],
)
def test_without_boto3_it_says_what_to_install(command: tuple[str, ...]) -> None:
    program = (
        "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None; "
        "from ddbcfg_client.commands.main import main; sys.exit(main())"
    )
    where = ("--table", "t", *(() if command[0] == "create-table" else ("--store", "s")))
    done = subprocess.run(
        [sys.executable, "-c", program, *command, *where],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    said = "ddbcfg-client: access to DynamoDB needs more packages: pip install 'ddbcfg[daemon]'\n"
    assert done.stderr == said


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help_has_every_command_and_exit_code(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(python(*arguments), capture_output=True, text=True, check=False)
    if arguments:
        for command in ("get", "status", "set", "delete", "create-table", "export", "import"):
            assert f"\n    {command}" in done.stdout
        assert "\n  6   DynamoDB refused or failed\n  74  the output" in done.stdout
    assert done.returncode == (0 if arguments else 2)


@pytest.mark.usefixtures("unmeasured_children")
def test_reading_loads_nothing_of_what_writes() -> None:
    program = (
        "import sys; from ddbcfg_client.commands.main import main; "
        "main(['get', 'db', '--table', 'nobody', '--store', 'nothing']); "
        "print(*sorted(sys.modules), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "ddbcfg_client.config" in loaded
    assert not loaded & {"boto3", "botocore", "json", "tempfile", "shutil"}
    assert not [module for module in loaded if module.startswith("ddbcfg_client.dynamodb")]
    commands = {module for module in loaded if module.startswith("ddbcfg_client.commands.")}
    names = ("command", "exits", "get", "main", "output", "parser", "reading", "registry")
    assert commands == {f"ddbcfg_client.commands.{name}" for name in names}
