"""What the daemon is told: flags and variables, and what is refused before anything starts."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.settings import Settings, parse

NAMED = ("--table", "config", "--store", "prod")

DEFAULTS = Settings(
    table="config",
    stores=("prod",),
    namespace="config",
    interval=60.0,
    poll_timeout=60.0,
    once=False,
    local=None,
    region=None,
    endpoint_url=None,
    store_key="_store",
    option_key="_option",
    consistent_read=False,
    access=Access(0o640, -1),
    state_dir=None,
    max_shrink=50.0,
    guard_polls=3,
    allow_empty=False,
    schema=None,
    metrics_file=None,
    log_level="INFO",
)

# Each setting: its flag, a value, the field and what it is then.
GIVEN: list[tuple[str, str, str, Any]] = [
    ("--table", "other", "table", "other"),
    ("--store", "blue", "stores", ("blue",)),
    ("--interval", "2.5", "interval", 2.5),
    ("--poll-timeout", "300", "poll_timeout", 300.0),
    ("--namespace", "eu", "namespace", "eu"),
    ("--state-dir", "/var/lib/ddbcfg", "state_dir", Path("/var/lib/ddbcfg")),
    ("--max-shrink", "12.5", "max_shrink", 12.5),
    ("--guard-polls", "5", "guard_polls", 5),
    ("--schema", "schema.json", "schema", "schema.json"),
    ("--metrics-file", "ddbcfg.prom", "metrics_file", Path("ddbcfg.prom")),
    ("--local", "file.json", "local", "file.json"),
    ("--region", "eu-north-1", "region", "eu-north-1"),
    ("--endpoint-url", "http://h:1", "endpoint_url", "http://h:1"),
    ("--store-key", "app", "store_key", "app"),
    ("--option-key", "name", "option_key", "name"),
    ("--mode", "0604", "access", Access(0o604, -1)),
    ("--group", "4711", "access", Access(0o640, 4711)),
    ("--owner", "65534", "access", Access(0o640, pwd.getpwuid(65534).pw_gid, 65534)),
    ("--log-level", "Debug", "log_level", "DEBUG"),
]
SWITCHES = [
    ("--once", "once"),
    ("--consistent-read", "consistent_read"),
    ("--allow-empty", "allow_empty"),
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


# --- where a setting comes from ------------------------------------------------------------------


def test_defaults() -> None:
    assert parse(NAMED, {}) == DEFAULTS


def test_every_setting_is_in_this_file() -> None:
    fields = set(Settings.__dataclass_fields__)
    assert {field for *_, field, _ in GIVEN} | {field for _, field in SWITCHES} == fields


@pytest.mark.parametrize(("flag", "text", "field", "expected"), GIVEN)
def test_flag(flag: str, text: str, field: str, expected: object) -> None:
    arguments = [*NAMED, flag, text] if flag != "--store" else ["--table", "t", flag, text]
    assert getattr(parse(arguments, {}), field) == expected


@pytest.mark.parametrize(("flag", "text", "field", "expected"), GIVEN)
def test_variable(flag: str, text: str, field: str, expected: object) -> None:
    environment = {"DDBCFG_TABLE": "config", "DDBCFG_STORE": "prod", variable(flag): text}
    assert getattr(parse((), environment), field) == expected


@pytest.mark.parametrize(("flag", "text", "field", "expected"), GIVEN)
def test_flag_wins_over_its_variable(flag: str, text: str, field: str, expected: object) -> None:
    environment = {"DDBCFG_TABLE": "config", "DDBCFG_STORE": "prod", variable(flag): "7"}
    assert getattr(parse((flag, text), environment), field) == expected


@pytest.mark.parametrize("flag", [flag for flag, *_ in GIVEN] + [flag for flag, _ in SWITCHES])
def test_empty_variable_is_one_that_is_not_set(flag: str) -> None:
    # An EnvironmentFile cannot unset a variable.
    assert parse(NAMED, {variable(flag): ""}) == DEFAULTS


@pytest.mark.parametrize(("flag", "field"), SWITCHES)
def test_switch(flag: str, field: str) -> None:
    assert getattr(parse((*NAMED, flag), {}), field) is True
    assert getattr(parse((*NAMED, flag), {variable(flag): "no"}), field) is True
    for text in ("1", "true", "Yes", "ON"):
        assert getattr(parse(NAMED, {variable(flag): text}), field) is True
    for text in ("0", "False", "no", "OFF"):
        assert getattr(parse(NAMED, {variable(flag): text}), field) is False


def test_several_stores_each_once() -> None:
    flags = ("--table", "t", "--store", "b", "--store", "a", "--store", "b")
    assert parse(flags, {"DDBCFG_STORE": "c"}).stores == ("b", "a")
    environment = {"DDBCFG_TABLE": "t", "DDBCFG_STORE": "b, a,,b"}
    assert parse((), environment).stores == ("b", "a")


def test_namespace_is_the_tables_name_unless_it_is_said() -> None:
    assert parse(("--table", "t", "--store", "s"), {}).namespace == "t"
    assert parse(("--table", "t", "--store", "s"), {"DDBCFG_NAMESPACE": "n"}).namespace == "n"


def test_local_needs_neither_table_nor_store() -> None:
    settings = parse(("--local", "file.json"), {})
    assert (settings.table, settings.stores, settings.namespace) == ("config", (), "config")
    assert parse(("--local", "file.json", "--table", "t"), {}).table == "t"


def test_group_by_its_name() -> None:
    name = grp.getgrgid(os.getegid()).gr_name
    assert parse((*NAMED, "--group", name), {}).access.group == os.getegid()


def test_help_tells_of_each_flag_the_variables_and_the_exit_codes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(("--help",), {})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in (*(flag for flag, *_ in GIVEN), "--once", "DDBCFG_", "75", "77", "78"):
        assert word in text


def test_the_example_environment_file_names_only_variables_that_there_are() -> None:
    example = Path(__file__).resolve().parents[2] / "systemd/daemon.env.example"
    words = example.read_text().replace("#", " ").replace("=", " ").replace(":", " ").split()
    known = {variable(flag) for flag, *_ in GIVEN} | {variable(flag) for flag, _ in SWITCHES}
    assert {word for word in words if word.startswith("DDBCFG_")} <= known


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
        *(("--interval", text) for text in ("0", "-1", "nan", "inf", "-inf", "abc", "1e9", "5 s")),
        *(("--poll-timeout", text) for text in ("0", "-1", "nan", "inf", "abc")),
        # Not octal; what others may write, so that no reader would believe it; nobody may read.
        *(("--mode", text) for text in ("abc", "0888", "-1", "0660", "0646", "0700", "0", "4640")),
        *(("--group", text) for text in ("no-such-group", "-1", "²", "4294967295", "9" * 30)),
        *(("--endpoint-url", f"http://{at}") for at in ("127.0.0.1:PORT", "h:99999", "h:0", ":1")),
        *(("--endpoint-url", text) for text in ("nonsense", "h:8000", "ftp://h", "http://[")),
        *(("--log-level", text) for text in ("loud", "10")),
    ],
)
def test_value_that_is_refused(capsys: pytest.CaptureFixture[str], flag: str, text: str) -> None:
    by_flag = refused(capsys, *NAMED, f"{flag}={text}")
    by_variable = refused(capsys, *NAMED, **{variable(flag): text})
    for said in (by_flag, by_variable):
        assert flag in said
        assert variable(flag) in said
        assert repr(text) in said


@pytest.mark.parametrize("flag", [flag for flag, _ in SWITCHES])
def test_switch_that_is_neither_on_nor_off(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    said = refused(capsys, *NAMED, **{variable(flag): "perhaps"})
    assert flag in said
    assert variable(flag) in said
    assert "'perhaps'" in said


@pytest.mark.parametrize("flag", ["--table", "--store", "--namespace"])
def test_name_that_is_not_utf8(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    # As Python has the argument b"\\xff".
    said = refused(capsys, *NAMED, flag, "\udcff")
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
