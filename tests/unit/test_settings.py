"""The daemon's settings: flags and variables, and what is refused before anything starts."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_daemon.settings import kinds
from ddbcfg_daemon.settings.daemon_values import ROWS, DaemonSettings
from ddbcfg_daemon.settings.http_address import HttpAddress
from ddbcfg_daemon.settings.parsing import parse
from ddbcfg_daemon.settings.store_values import StoreSettings

ROLE = "arn:aws:iam::123456789012:role/config"

NAMED = ("--table", "config", "--store", "prod")

STORE_DEFAULTS: dict[str, Any] = {
    "table": "config",
    "store": "prod",
    "namespace": "",
    "layers": (),
    "merge": "options",
    "interval": 60.0,
    "poll_timeout": 60.0,
    "use_revision": "auto",
    "full_interval": 3600.0,
    "consistent_read": False,
    "store_key": "_store",
    "option_key": "_option",
    "region": None,
    "endpoint_url": None,
    "mode": 0o640,
    "group": -1,
    "owner": None,
    "max_shrink": 50.0,
    "guard_polls": 3,
    "allow_empty": False,
    "schema": None,
    "profile": None,
    "role_arn": None,
    "state_dir": None,
    "keep_generations": 20,
}
DAEMON_DEFAULTS: dict[str, Any] = {
    "local": None,
    "once": False,
    "config": None,
    "check": False,
    "metrics_file": None,
    "http": None,
    "http_public": False,
    "hostname": None,
    "instance_id": None,
    "layer_variables": (),
    "log_level": "INFO",
    "log_format": "text",
}

# Each setting: its flag, a text, the field and its value then.
EXAMPLES: list[tuple[str, str, str, Any]] = [
    ("--table", "other", "table", "other"),
    ("--store", "blue", "store", "blue"),
    ("--interval", "2.5", "interval", 2.5),
    ("--poll-timeout", "300", "poll_timeout", 300.0),
    ("--use-revision", "Off", "use_revision", "off"),
    ("--full-interval", "600", "full_interval", 600.0),
    ("--namespace", "eu", "namespace", "eu"),
    ("--state-dir", "/var/lib/ddbcfg", "state_dir", Path("/var/lib/ddbcfg")),
    ("--keep-generations", "0", "keep_generations", 0),
    ("--keep-generations", "100", "keep_generations", 100),
    ("--max-shrink", "12.5", "max_shrink", 12.5),
    ("--guard-polls", "5", "guard_polls", 5),
    ("--schema", "schema.json", "schema", "schema.json"),
    ("--metrics-file", "ddbcfg.prom", "metrics_file", Path("ddbcfg.prom")),
    ("--local", "file.json", "local", "file.json"),
    ("--region", "eu-north-1", "region", "eu-north-1"),
    ("--endpoint-url", "http://h:1", "endpoint_url", "http://h:1"),
    ("--store-key", "app", "store_key", "app"),
    ("--option-key", "name", "option_key", "name"),
    ("--profile", "eu", "profile", "eu"),
    ("--role-arn", ROLE, "role_arn", ROLE),
    ("--config", os.devnull, "config", Path(os.devnull)),
    ("--mode", "0604", "mode", 0o604),
    ("--group", "4711", "group", 4711),
    ("--owner", "65534", "owner", pwd.getpwuid(65534)),
    ("--merge", "Keys", "merge", "keys"),
    ("--hostname", "web-1", "hostname", "web-1"),
    ("--instance-id", "i-1", "instance_id", "i-1"),
    ("--log-level", "Debug", "log_level", "DEBUG"),
    ("--log-format", "JSON", "log_format", "json"),
    ("--http", "[::1]:9112", "http", HttpAddress("::1", 9112)),
]
SWITCHES = [
    ("--once", "once"),
    ("--check", "check"),
    ("--consistent-read", "consistent_read"),
    ("--allow-empty", "allow_empty"),
    ("--http-public", "http_public"),
]


def variable(flag: str) -> str:
    return "DDBCFG_" + flag.removeprefix("--").replace("-", "_").upper()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, **environment: str) -> str:
    """What is said when it exits with 2."""
    with pytest.raises(SystemExit) as caught:
        parse(arguments, environment)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def value(settings: DaemonSettings, field: str) -> object:
    """A setting of the daemon, or of its one store."""
    [store] = settings.stores
    return getattr(settings if field in DAEMON_DEFAULTS else store, field)


def values(settings: DaemonSettings) -> dict[str, object]:
    return {row.name: value(settings, row.name) for row in ROWS}


# --- where a setting comes from ------------------------------------------------------------------


def test_defaults() -> None:
    settings = parse(NAMED, {})
    assert values(settings) == STORE_DEFAULTS | DAEMON_DEFAULTS
    assert settings.stores == (settings.store("prod"),)


def test_every_setting_is_in_this_file() -> None:
    names = {row.name for row in ROWS}
    elsewhere = {"layers", "layer_variables"}  # test_layer_settings.py
    examples = {field for *_, field, _ in EXAMPLES} | {field for _, field in SWITCHES}
    assert examples | elsewhere == names
    assert set(STORE_DEFAULTS) | set(DAEMON_DEFAULTS) == names
    assert set(StoreSettings.__dataclass_fields__) == {*STORE_DEFAULTS, "origins"}
    daemons = set(DaemonSettings.__dataclass_fields__)
    assert daemons == {*DAEMON_DEFAULTS, "stores", "each_store", "origins"}


@pytest.mark.parametrize(("flag", "text", "field", "expected"), EXAMPLES)
def test_flag(flag: str, text: str, field: str, expected: object) -> None:
    environment = {"DDBCFG_TABLE": "config", "DDBCFG_STORE": "prod"}
    assert value(parse((flag, text), environment), field) == expected


@pytest.mark.parametrize(("flag", "text", "field", "expected"), EXAMPLES)
def test_variable(flag: str, text: str, field: str, expected: object) -> None:
    environment = {"DDBCFG_TABLE": "config", "DDBCFG_STORE": "prod", variable(flag): text}
    assert value(parse((), environment), field) == expected


@pytest.mark.parametrize(("flag", "text", "field", "expected"), EXAMPLES)
def test_flag_wins_over_its_variable(flag: str, text: str, field: str, expected: object) -> None:
    environment = {"DDBCFG_TABLE": "config", "DDBCFG_STORE": "prod", variable(flag): "7"}
    assert value(parse((flag, text), environment), field) == expected


@pytest.mark.parametrize("flag", [flag for flag, *_ in EXAMPLES] + [flag for flag, _ in SWITCHES])
def test_empty_variable_is_one_that_is_not_set(flag: str) -> None:
    # An EnvironmentFile cannot unset a variable.
    assert parse(NAMED, {variable(flag): ""}) == parse(NAMED, {})


@pytest.mark.parametrize(("flag", "field"), SWITCHES)
def test_switch(flag: str, field: str) -> None:
    assert value(parse((*NAMED, flag), {}), field) is True
    assert value(parse((*NAMED, flag), {variable(flag): "no"}), field) is True
    for text in ("1", "true", "Yes", "ON"):
        assert value(parse(NAMED, {variable(flag): text}), field) is True
    for text in ("0", "False", "no", "OFF"):
        assert value(parse(NAMED, {variable(flag): text}), field) is False


def names(settings: DaemonSettings) -> list[str]:
    return [store.store for store in settings.stores]


def test_several_stores_each_once() -> None:
    flags = ("--table", "t", "--store", "b", "--store", "a", "--store", "b")
    assert names(parse(flags, {"DDBCFG_STORE": "c"})) == ["b", "a"]
    environment = {"DDBCFG_TABLE": "t", "DDBCFG_STORE": "b, a,,b", "DDBCFG_INTERVAL": "5"}
    settings = parse((), environment)
    assert names(settings) == ["b", "a"]
    # Each has all that was set; so would a store that nobody has named.
    assert [store.interval for store in (*settings.stores, settings.store("c"))] == [5.0] * 3


def test_namespace_is_the_tables_name_unless_it_is_set() -> None:
    [store] = parse(("--table", "t", "--store", "s"), {}).stores
    assert store.names.page == "/ddbcfg.t.s"
    [store] = parse(("--table", "t", "--store", "s"), {"DDBCFG_NAMESPACE": "n"}).stores
    assert store.names.page == "/ddbcfg.n.s"


def test_state_dir_is_the_units_unless_it_is_set() -> None:
    unit = {"STATE_DIRECTORY": "/var/lib/unit"}
    for flags, variables, expected in (
        ((), {}, "/var/lib/unit"),
        (("--state-dir", ""), {}, "/var/lib/unit"),
        (("--state-dir", "d"), {}, "d"),
        ((), {"DDBCFG_STATE_DIR": "v"}, "v"),
    ):
        settings = parse((*NAMED, *flags), {**unit, **variables})
        assert value(settings, "state_dir") == Path(expected)


def test_local_needs_neither_table_nor_store() -> None:
    settings = parse(("--local", "file.json"), {})
    assert (settings.each_store.table, settings.stores) == ("config", ())
    assert parse(("--local", "file.json", "--table", "t"), {}).store("s").table == "t"


def test_group_by_its_name() -> None:
    name = grp.getgrgid(os.getegid()).gr_name
    assert value(parse((*NAMED, "--group", name), {}), "group") == os.getegid()


def test_help_tells_of_each_flag_the_variables_and_the_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(("--help",), {})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in (*(flag for flag, *_ in EXAMPLES), "--once", "DDBCFG_", "75", "77", "78"):
        assert word in text


@pytest.mark.parametrize("text", ["no-such-user", "²", "-1", "4294967296", "9" * 5000])
def test_user_that_there_is_not(text: str) -> None:
    with pytest.raises(ValueError, match="there is no user"):
        kinds.user(text)


def test_check_and_once_are_not_combined(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--once" in refused(capsys, *NAMED, "--once", "--check")


# --- what is refused -----------------------------------------------------------------------------


def test_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("--store", "s"), ("--store", "s", "--table", "")):
        said = refused(capsys, *arguments)
        assert "no table" in said
        assert "--table" in said
        assert "DDBCFG_TABLE" in said


def test_no_store(capsys: pytest.CaptureFixture[str]) -> None:
    for environment in ({}, {"DDBCFG_STORE": ""}, {"DDBCFG_STORE": " , "}):
        said = refused(capsys, "--table", "t", **environment)
        assert "no store" in said
        assert "--store" in said
        assert "DDBCFG_STORE" in said


def test_store_with_an_empty_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--store" in refused(capsys, "--table", "t", "--store", "")


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        *((flag, "") for flag in ("--interval", "--store-key", "--option-key", "--guard-polls")),
        # More digits than Python makes a number of.
        *(("--keep-generations", text) for text in ("", "-1", "101", "x", "1.5")),
        *((flag, "9" * 5000) for flag in ("--guard-polls", "--mode", "--interval")),
        *(("--interval", text) for text in ("0", "-1", "nan", "inf", "-inf", "abc", "1e9", "5 s")),
        *(("--poll-timeout", text) for text in ("0", "-1", "nan", "inf", "abc")),
        *(("--full-interval", text) for text in ("0", "-1", "nan", "inf", "abc")),
        *(("--use-revision", text) for text in ("", "yes", "on")),
        # Not octal; what others may write, so that no reader would believe it; nobody may read.
        *(("--mode", text) for text in ("abc", "0888", "-1", "0660", "0646", "0700", "0", "4640")),
        *(("--group", text) for text in ("no-such-group", "-1", "²", "4294967295", "9" * 30)),
        *(("--endpoint-url", f"http://{at}") for at in ("127.0.0.1:PORT", "h:99999", "h:0", ":1")),
        *(("--endpoint-url", text) for text in ("nonsense", "h:8000", "ftp://h", "http://[")),
        *(("--role-arn", text) for text in ("config", "arn:aws:iam::1:user/someone")),
        *(("--log-level", text) for text in ("loud", "10")),
    ],
)
def test_value_that_is_refused(capsys: pytest.CaptureFixture[str], flag: str, text: str) -> None:
    by_flag = refused(capsys, *NAMED, f"{flag}={text}")
    # An empty variable is one that is not set.
    by_variable = [refused(capsys, *NAMED, **{variable(flag): text})] if text else []
    for said in (by_flag, *by_variable):
        assert flag in said
        assert variable(flag) in said
        assert repr(text) in said


@pytest.mark.parametrize(("flag", "text"), [example[:2] for example in EXAMPLES])
def test_option_that_is_there_twice(
    capsys: pytest.CaptureFixture[str], flag: str, text: str
) -> None:
    environment = {"DDBCFG_TABLE": "config", "DDBCFG_STORE": "prod"}
    if flag == "--store":  # lists may go on in another option
        assert names(parse((flag, text, flag, "more"), environment)) == [text, "more"]
    else:
        said = refused(capsys, flag, text, flag, text, **environment)
        assert f"argument {flag}: takes one value, but is repeated" in said


@pytest.mark.parametrize("flag", [flag for flag, _ in SWITCHES])
def test_switch_that_is_neither_on_nor_off(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    said = refused(capsys, *NAMED, **{variable(flag): "perhaps"})
    assert flag in said
    assert variable(flag) in said
    assert "'perhaps'" in said


@pytest.mark.parametrize("flag", ["--table", "--store", "--namespace"])
def test_name_that_is_not_utf8(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    # As Python has the argument b"\\xff".
    said = refused(capsys, flag, "\udcff", DDBCFG_TABLE="config", DDBCFG_STORE="prod")
    assert flag in said
    assert variable(flag) in said
    assert "UTF-8" in said


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--inter", "5"), ("extra",)])
def test_flag_that_there_is_not(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert arguments[0] in refused(capsys, *NAMED, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--endpoint", "http://me:hunter2@h"),
        ("--endpoint-url", "http://me:hunter2@h/\udcff"),
        ("http://me:hunter2@h\x1b[2J",),
    ],
)
def test_no_usage_error_shows_a_password_or_upsets_the_terminal(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    said = refused(capsys, *NAMED, *arguments)
    assert "//***@h" in said
    assert "hunter2" not in said
    assert said.isprintable()
