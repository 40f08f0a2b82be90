"""Where a process is started must not matter: locale, working directory, descriptors, threads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ddbcfg_daemon import cli
from support.daemon import SECRET, Host, environment_of

SCRIPT = Path(sys.executable).with_name("ddbcfg-daemon")


def test_a_terminal_that_lacks_a_character_of_a_name_does_not_end_the_daemon(
    host: Host, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"prod": {"db": {}}, "prüfung": {"db": {}}}))
    daemon = host.daemon("--local", str(file), PYTHONIOENCODING="ascii")
    assert r"pr\xfcfung" in daemon.wait_for("not served:")
    daemon.wait_for("generation 1:")
    assert daemon.stop() == 0


def test_a_working_directory_that_was_removed_does_not_end_the_daemon(
    host: Host, tmp_path: Path
) -> None:
    file, gone = tmp_path / "config.json", tmp_path / "gone"
    file.write_text(json.dumps({"prod": {"db": {}}}))
    gone.mkdir()
    leave = f'cd {gone} && rmdir {gone} && shift 2 && exec {SCRIPT} "$@"'
    daemon = host.daemon("--local", str(file), within=["sh", "-c", leave])
    daemon.wait_for("generation 1:")
    assert daemon.stop() == 0


def test_a_fault_of_the_daemon_is_exit_code_70_and_shows_no_value(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(cli, "serve", fault)
    assert cli.main(["--table", "config", "--store", "prod", "--once"]) == 70
    said = capfd.readouterr().err
    assert "ddbcfg-daemon: RuntimeError at" in said
    assert SECRET not in said


def test_an_import_from_a_standard_input_that_is_closed_says_so(host: Host) -> None:
    flags = ("--table", "config", "--region", "eu-west-1")
    closed = ["sh", "-c", 'exec "$@" <&-', "sh"]
    done = subprocess.run(
        [*closed, sys.executable, "-m", "ddbcfg_client", "import", "-", *flags],
        env=environment_of(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "ddbcfg-client: standard input: it is closed\n"
