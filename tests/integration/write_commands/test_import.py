"""``ddbcfg-client import``, on both emulators: what it changes, and what it asks first."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import fault_proxy as faults

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy
from support.write_commands import SECRET, Client, Writes, once, python


def write_file(path: Path, stores: dict[str, Any]) -> Path:
    path.write_text(json.dumps(stores))
    return path


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
not imported, because not named: test
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
