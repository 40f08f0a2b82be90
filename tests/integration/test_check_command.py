"""``ddbcfg-client check``: what the daemon's guards would refuse, before it is pushed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from support.daemon import SECRET, Host
from support.tables import ConfigTable

SCHEMA = {"db": {"required": ["host"], "properties": {"port": {"type": "integer"}}}}
GOOD = {"prod": {"db": {"host": SECRET, "port": 5432}}}


class Bench:
    """A folder of files, and the command."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._host = host
        self._folder = folder

    def file(self, name: str, content: object) -> str:
        path = self._folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def check(self, *arguments: str, **environment: str) -> tuple[int, str]:
        done = self._host.client("check", *arguments, **environment)
        assert SECRET not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def bench(host: Host, tmp_path: Path) -> Bench:
    return Bench(host, tmp_path)


def test_a_file_that_nothing_is_wrong_with(bench: Bench) -> None:
    stores = bench.file("stores.json", GOOD)
    schema = bench.file("schema.json", SCHEMA)
    assert bench.check(stores, "--schema", schema) == (0, "prod: 1 option, nothing to refuse\n")


@pytest.mark.parametrize(
    ("stores", "said"),
    [
        ({"prod": {"db": {"port": 1}}}, "prod: option 'db' violates 'required' host"),
        ({"prod": {}}, "prod: option 'db' is missing"),
        ({"prod": {"db": {"host": "h", "port": SECRET}}}, "option 'db'['port'] violates 'type'"),
        ({"prod": {"db": {"host": SECRET * 40_000}}}, "DynamoDB's limit is 409600"),
    ],
)
def test_a_file_that_a_guard_would_refuse(bench: Bench, stores: Any, said: str) -> None:
    code, text = bench.check(
        bench.file("stores.json", stores), "--schema", bench.file("schema.json", SCHEMA)
    )
    assert code == 1
    assert said in text


def test_only_the_stores_that_are_named(bench: Bench) -> None:
    stores = bench.file("stores.json", GOOD | {"test": {}})
    schema = bench.file("schema.json", SCHEMA)
    assert bench.check(stores, "--schema", schema)[0] == 1
    assert bench.check(stores, "--schema", schema, "--store", "prod")[0] == 0


def test_what_is_not_there_does_not_pass(bench: Bench) -> None:
    stores, schema = bench.file("stores.json", GOOD), bench.file("schema.json", SCHEMA)
    for more in ((), ("--schema", schema), ("--allow-empty",)):
        code, text = bench.check(stores, "--store", "typo", *more)
        assert (code, text) == (1, f"typo: is not in {stores}; the stores in it: prod\n")
    both = bench.check(stores, "--store", "typo", "--store", "prod")
    assert both[0] == 1
    assert "prod: 1 option, nothing to refuse" in both[1]
    nothing = bench.file("nothing.json", {})
    for more in ((), ("--schema", schema)):
        assert bench.check(nothing, *more) == (1, f"{nothing}: it has no stores\n")


def test_a_store_that_the_table_does_not_have_does_not_pass(
    bench: Bench, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host=SECRET)
    where = ("--table", table.name, "--endpoint-url", moto_url)
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    said = f"typo: has no options in table {table.name!r}\n"
    assert bench.check(*where, "--store", "typo", **aws) == (1, said)
    assert bench.check(*where, "--store", "typo", "--allow-empty", **aws)[0] == 0
    # In the table, and left out of the file: importing that would delete nothing, but is a slip.
    stores = bench.file("other.json", {"test": {}})
    code, text = bench.check(stores, *where, "--store", "prod", **aws)
    assert code == 1
    assert "prod: is not in" in text
    assert "prod: its only option is gone" in text


def test_bad_files_are_usage_errors(bench: Bench) -> None:
    stores = bench.file("stores.json", GOOD)
    assert bench.check(bench.file("bad.json", "{"))[0] == 2
    assert bench.check(stores, "--schema", bench.file("bad.json", "{"))[0] == 2
    assert bench.check(stores, "--max-shrink", "101")[0] == 2
    code, text = bench.check()
    assert code == 2
    assert "--store" in text


def test_a_table_and_what_a_file_would_do_to_it(
    bench: Bench, table: ConfigTable, moto_url: str
) -> None:
    for number in range(20):
        table.put("prod", f"option-{number}", secret=SECRET)
    where = ("--table", table.name, "--endpoint-url", moto_url, "--store", "prod")
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    assert bench.check(*where, **aws) == (0, "prod: 20 options, nothing to refuse\n")
    schema = bench.file("schema.json", SCHEMA)
    code, text = bench.check(*where, "--schema", schema, **aws)
    assert (code, text) == (1, "prod: option 'db' is missing\n")
    few = bench.file("few.json", {"prod": {f"option-{number}": {} for number in range(9)}})
    code, text = bench.check(few, *where, **aws)
    assert (code, text) == (1, "prod: 11 of 20 options are gone, more than 50 %\n")
    assert bench.check(few, *where, "--max-shrink", "60", **aws)[0] == 0
    none = bench.file("none.json", {"prod": {}})
    assert "all of 20 options are gone" in bench.check(none, *where, **aws)[1]
    assert bench.check(none, *where, "--allow-empty", **aws)[0] == 0
