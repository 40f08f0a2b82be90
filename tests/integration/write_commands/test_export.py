"""``ddbcfg-client export``, on both emulators: exact, private and whole files."""

from __future__ import annotations

import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.notation.files import load_file, save_file
from ddbcfg_client.notation.reader import loads
from ddbcfg_daemon.sources.local_dynamodb import REGION, LocalDynamoDB
from support.waiting import in_child

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

from support.write_commands import SECRET, Client, once, python

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

    for folder in tmp_path.parents[:-2]:  # pytest lets nobody else into what it makes in /tmp
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


# --- other formats -------------------------------------------------------------------------------


@once
def test_export_in_other_formats(run: Client, tmp_path: Path) -> None:
    run.done("set", "db", "host=h", "port:=1E+3", 'tags:={"$set": ["b", "a"]}', 'm:={"k": [true]}')
    toml = '[prod.db]\nhost = "h"\nport = 1000\ntags = {"$set" = ["a", "b"]}\n'
    assert run.done("export", "--format", "toml") == f"{toml}\n[prod.db.m]\nk = [true]\n"
    yaml = 'prod:\n  db:\n    host: "h"\n    m:\n      k: [true]\n    port: 1000\n'
    assert run.done("export", "--format=yaml") == f'{yaml}    tags: {{"$set": ["a", "b"]}}\n'
    variables = """X_DB_HOST=h\nX_DB_M='{"k": [true]}'\nX_DB_PORT=1000\nX_DB_TAGS='["a", "b"]'\n"""
    file = tmp_path / "env"
    for name in ("env", "dotenv"):
        assert run.done("export", file, "--format", name, "--prefix", "X_") == ""
        assert file.read_text() == variables
        assert file.stat().st_mode & 0o777 == 0o600
    as_json = run.done("export", "--format", "env", "--json-option", "db")
    assert (
        as_json == """DB='{"host": "h", "m": {"k": [true]}, "port": 1000, "tags": ["a", "b"]}'\n"""
    )


@once
def test_a_format_that_cannot_hold_the_store_writes_nothing(run: Client, tmp_path: Path) -> None:
    run.done("set", "a", "b_c:=null")
    file = tmp_path / "file"
    for arguments, reason in [
        (("--format", "toml"), "TOML has no null"),
        (("--format", "ini"), "--format: it is one of json, toml"),
        (("--prefix", "X"), "--prefix goes with --format env or dotenv"),
        (("--format", "env", "--store", "a,b"), "several stores"),
    ]:
        result = run("export", file, *arguments)
        assert (result.code, result.out) == (2, "")
        assert reason in result.err
    assert not file.exists()
