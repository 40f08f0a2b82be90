"""``ddbcfg-client completion``, in a real bash."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.client_cli import Publish, answered, failed
from support.daemon import PATIENCE, ROOT, SECRET, Host, environment_of
from support.tables import ConfigTable
from support.whole_daemons import of

STORE = {"db": {"host": SECRET, "port": 1, "odd name": 1}, "db-2": {}, "web": {}, "$(id) x": {}}

_ASK = """
source "$1"; shift
COMP_CWORD=$(($# - 1)); COMP_WORDS=("$@")
_shtab_ddbcfg_client
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(host: Host, tmp_path: Path) -> Path:
    file = tmp_path / "completion"
    file.write_text(answered(host.client("completion", "bash")))
    return file


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["wa"], {"wait", "watch"}),
        (["get", "--re"], {"--revision", "--region"}),
        (["revision", "en"], {"enable"}),
        (["get", "d"], {"db", "db-2"}),
        (["get", "db", ""], {"host", "port"}),
        (["get", "--store", "prod", "db", "p"], {"port"}),
        (["watch", ""], {"db", "db-2", "web"}),
        (["exec", "--json-option", "w"], {"web"}),
        (["get", "--store", "nope", ""], set()),
    ],
)
def test_bash_completes(
    host: Host,
    publish: Publish,
    script: Path,
    tmp_path: Path,
    line: list[str],
    expected: set[str],
) -> None:
    publish(STORE)
    assert completed(host, script, tmp_path, line) == expected


def completed(host: Host, script: Path, tmp_path: Path, line: list[str]) -> set[str]:
    """What bash offers for the last word of *line*."""
    program = tmp_path / "ddbcfg-client"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ddbcfg_client "$@"\n')
    program.chmod(0o700)
    done = subprocess.run(
        ["bash", "--norc", "-c", _ASK, "bash", script, program, *line],
        cwd=ROOT,
        env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_what_can_be_pinned_is_offered(
    host: Host, script: Path, tmp_path: Path, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="first")
    daemon = host.daemon(*of(table, moto_url), "--state-dir", str(tmp_path))
    daemon.wait_for("generation 1")
    table.put("prod", "db", host="second")
    answered(host.client("reload"))
    for line, expected in (
        (["pin", "--store", "prod", "--generation", ""], {"1", "2"}),
        (["pin", "--generation", "2"], {"2"}),
        (["pin", "--revision", ""], set()),
        (["pin", "--store", "nope", "--generation", ""], set()),
    ):
        assert completed(host, script, tmp_path, line) == expected


def test_the_keys_of_an_option_are_listed_without_values(host: Host, publish: Publish) -> None:
    publish(STORE)
    assert answered(host.client("list", "db")) == "host\nodd name\nport\n"
    assert "'nope'" in failed(host.client("list", "nope"), 1)
