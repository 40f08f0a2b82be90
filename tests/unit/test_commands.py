"""The commands of ``ddbcfg-client``: one list, one shape, one table of exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ddbcfg_client import errors
from ddbcfg_client.commands import exits
from ddbcfg_client.commands import main as main_module
from ddbcfg_client.commands.exits import CODES, MEANINGS, code_of
from ddbcfg_client.commands.registry import COMMANDS, GROUPS, load
from ddbcfg_client.errors import (
    ConfigError,
    CredentialsRefused,
    NothingPublished,
    OptionAttributeError,
    SeveralStoresNamed,
    SnapshotUnavailable,
    StoreNotNamed,
)
from support.children import run_python

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "ddbcfg_client/commands"
COMMAND_LINE = (ROOT / "docs/command-line.md").read_text()


# --- one list, one shape -------------------------------------------------------------------------


def test_every_module_with_a_command_is_in_the_list() -> None:
    found = {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts)
        for path in FOLDER.rglob("*.py")
        if "\nCOMMAND = " in path.read_text()
    }
    assert found == set(COMMANDS.values())
    assert len(COMMANDS) == len(found)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_the_name_of_its_module_and_a_place_in_the_documents(name: str) -> None:
    command = load(name)
    assert command.name == name
    assert COMMANDS[name].rstrip("_") == name.replace("-", "_").replace(" ", ".")
    assert f"    ddbcfg-client {name}" in COMMAND_LINE
    assert command.summary[0].islower()
    assert not command.summary.endswith(".")


@pytest.mark.usefixtures("unmeasured_children")
def test_loading_them_all_for_the_help_loads_nothing_of_what_they_need() -> None:
    code = (
        "import sys; from ddbcfg_client.commands.registry import COMMANDS, GROUPS, load; "
        "print(len([load(name) for name in COMMANDS]), *sorted(sys.modules))"
    )
    done = run_python("-c", code, cwd=ROOT, check=True)
    number, *loaded = done.stdout.split()
    assert int(number) == len(COMMANDS)
    heavy = {"json", "dataclasses", "tempfile", "boto3", "msgpack.fallback", "inspect", "socket"}
    assert not heavy & set(loaded)
    ours = {name.split(".")[1] for name in loaded if name.startswith("ddbcfg_client.")}
    assert ours.isdisjoint({"dynamodb", "notation", "checks", "config_stores", "testing"})


@pytest.mark.parametrize("arguments", [[], ["nope"], ["--help"]])
def test_a_group_of_commands_lists_them(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert {"revision"} == GROUPS
    with pytest.raises(SystemExit) as caught:
        main_module.main(["revision", *arguments])
    assert caught.value.code == (0 if arguments == ["--help"] else 2)
    said = "".join(capsys.readouterr())
    assert "usage: ddbcfg-client revision" in said
    if arguments:
        assert all(word in said for word in ("enable", "repair", "watch"))
        assert "create-table" not in said


# --- flags ---------------------------------------------------------------------------------------


#: Flags that may be there several times.
REPEATED = {(name, "store") for name in COMMANDS} | {("rollback", "option")}
REPEATED |= {(name, "json_option") for name in ("exec", "export")}


def single_flags() -> list[tuple[str, str]]:
    """Each command with each of its flags that takes one value."""
    return [
        (name, action.option_strings[0])
        for name in COMMANDS
        for action in load(name).parser()._actions
        if action.option_strings and action.nargs is None and (name, action.dest) not in REPEATED
    ]


@pytest.mark.parametrize(("name", "flag"), single_flags())
def test_a_flag_that_is_there_twice_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], name: str, flag: str
) -> None:
    for twice in ([flag, "1", flag, "1"], [f"{flag}=1", flag, "2"]):
        with pytest.raises(SystemExit) as caught:
            load(name).parser().parse(twice)
        assert caught.value.code == 2
        assert f"argument {flag}: takes one value, but is repeated" in capsys.readouterr().err


def test_the_tests_above_know_the_flags() -> None:
    assert ("get", "--table") in single_flags()
    assert ("set", "--endpoint-url") in single_flags()
    assert ("reload", "--timeout") in single_flags()


def test_a_store_may_be_named_again() -> None:
    given = load("export").parser().parse(["--store", "a", "--store", "b,c"])
    assert given.store == ["a", "b,c"]


def test_a_usage_error_shows_no_password_and_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flaw = "http://me:hunter2@h\x1b[2J"
    for arguments in (["--table", "t", "x", flaw], [f"--{flaw}"]):
        with pytest.raises(SystemExit):
            load("list").parser().parse(arguments)
        said = capsys.readouterr().err.splitlines()[-1]
        assert "//***@h" in said
        assert said.isprintable()


# --- exit codes ----------------------------------------------------------------------------------


def test_every_error_has_a_code_that_the_help_explains() -> None:
    found = [getattr(errors, name) for name in errors.__all__]
    kinds = [kind for kind in found if isinstance(kind, type) and issubclass(kind, ConfigError)]
    assert len(kinds) > 30
    for kind in kinds:
        # Not made: each takes other arguments, and only the class counts.
        assert code_of(kind.__new__(kind)) in MEANINGS


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OptionAttributeError("db", "prod"), exits.NOT_FOUND),
        (StoreNotNamed([("config", "prod"), ("config", "test")]), exits.USAGE),
        (SeveralStoresNamed(["prod", "test"]), exits.USAGE),
        (NothingPublished([]), exits.NO_SNAPSHOT),
        (SnapshotUnavailable("/ddbcfg.a.b", "gone"), exits.NO_SNAPSHOT),
        (CredentialsRefused("t", "Query", "ExpiredToken", "renew"), exits.DYNAMODB_FAILED),
    ],
)
def test_the_nearest_class_of_the_table_decides(error: ConfigError, code: int) -> None:
    assert code_of(error) == code


def test_the_table_names_errors_that_there_are() -> None:
    for name in CODES:
        assert issubclass(getattr(errors, name), ConfigError)


def test_the_document_has_the_same_codes() -> None:
    table = COMMAND_LINE.partition("## Exit codes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert [int(code) for row in rows for code in row.split(",")] == list(MEANINGS)


def test_a_fault_of_its_own_has_a_code_of_its_own_and_shows_no_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: object) -> int:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(main_module, "_run", broken)
    assert main_module.main([]) == 70
    output = capsys.readouterr().err
    assert output.startswith("ddbcfg-client: a bug in ddbcfg")
    assert "RuntimeError at " in output
    assert "test_commands.py" in output
    assert "hunter2" not in output


@pytest.mark.parametrize("line", [[], ["db"], ["db", "host"], ["", "a=b"], ["d\u00e9", "@x"]])
def test_get_of_names_alone_needs_no_parser_and_has_the_same_arguments(line: list[str]) -> None:
    command = load("get")
    plain = command.plain(line)
    assert plain is not None
    parsed = vars(command.parser().parse(line))
    del parsed["fail"]  # for usage errors, which names alone cannot be
    assert {name: getattr(plain, name) for name in parsed} == parsed


@pytest.mark.parametrize("line", [["--json"], ["-h"], ["db", "--", "-x"], ["a", "b", "c"], ["-"]])
def test_get_of_all_else_is_left_to_the_parser(line: list[str]) -> None:
    assert load("get").plain(line) is None


@pytest.mark.usefixtures("unmeasured_children")
def test_get_of_names_alone_does_not_load_argparse() -> None:
    code = """
import sys
from ddbcfg_client.commands.main import main
main(["get", "db"])
print([name for name in ("argparse", "re", "json", "boto3") if name in sys.modules])
"""
    done = run_python("-c", code)
    assert done.stdout.splitlines()[-1] == "[]"  # below what a store of another test may have
