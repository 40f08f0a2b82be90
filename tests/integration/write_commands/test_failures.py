"""What the writing commands say when something is wrong."""

from __future__ import annotations

import subprocess
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.commands import main as cli
from support import fault_proxy as faults
from support.children import run_python

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy
from support.write_commands import SECRET, Client, Writes, once, python


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("db", SECRET), "argument 1 after OPTION: is not KEY=TEXT"),
        (("db",), "required: KEY=VALUE"),
        (("db", f"p={SECRET}", f"p={SECRET}"), "key 'p': is there twice"),
        (("db", f"p:={SECRET}"), "key 'p': not JSON"),
        (("db", f"p:b64={SECRET}"), "key 'p': not base64"),
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
        (("--table", "a b"), " on table 'a b': "),
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
    done = run_python("-c", program, *command, *where)
    assert done.returncode == 2
    said = "ddbcfg-client: access to DynamoDB needs more packages: pip install 'ddbcfg[daemon]'\n"
    assert done.stderr == said


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_help_has_every_command_and_exit_code(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(python(*arguments), capture_output=True, text=True, check=False)
    if arguments:
        for command in ("get", "status", "set", "delete", "create-table", "export", "import"):
            assert f"\n    {command}" in done.stdout
        for line in ("6   DynamoDB refused or failed", "7   conflict", "70  a bug", "74  the"):
            assert f"\n  {line}" in done.stdout
    assert done.returncode == (0 if arguments else 2)


@pytest.mark.usefixtures("unmeasured_children")
def test_reading_loads_nothing_of_what_writes() -> None:
    program = (
        "import sys; from ddbcfg_client.commands.main import main; "
        "main(['get', 'db', '--table', 'nobody', '--store', 'nothing']); "
        "print(*sorted(sys.modules), sep='\\n')"
    )
    done = run_python("-c", program, check=True)
    loaded = set(done.stdout.split())
    assert "ddbcfg_client.config" in loaded
    assert not loaded & {"boto3", "botocore", "json", "tempfile", "shutil"}
    assert not [module for module in loaded if module.startswith("ddbcfg_client.dynamodb")]
    commands = {module for module in loaded if module.startswith("ddbcfg_client.commands.")}
    names = ("argument_types", "command", "exits", "get", "main", "output", "parser", "reading")
    assert commands == {f"ddbcfg_client.commands.{name}" for name in (*names, "registry")}
