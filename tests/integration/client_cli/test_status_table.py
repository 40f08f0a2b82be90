"""``ddbcfg-client status`` of several stores: a table at a glance, and a probe with its reason."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddbcfg_client.commands.main import main
from support.client_cli import AWAY, NOW, STORE, Publish, answered, running
from support.daemon import PATIENCE, ROOT, Host, environment_of


def states(text: str) -> dict[str, str]:
    """The word for each store in the table, by the store's name."""
    _, *rows = text.partition("\n\n")[0].splitlines()
    return {row.split()[0].partition("/")[2]: row.split()[1] for row in rows}


def ago(seconds: int) -> int:
    return NOW(time.CLOCK_BOOTTIME) - seconds * 10**9


def test_several_stores_are_a_table_with_a_word_and_a_reason_for_each(
    host: Host, publish: Publish
) -> None:
    """G7: what is wrong is seen without reading the long form of each store."""
    publish(STORE, "well")
    publish(STORE, "held").report(running(held="an emptied store", held_since=time.time_ns()))
    publish(STORE, "failing").report(running(failures=4, error=str(AWAY)))
    publish(STORE, "stale").report(running(success=ago(3600)))
    publish(STORE, "killed").report(running(daemon_start=1, merged_layers=2))
    publish(STORE, "stopped").close()
    text = answered(host.client("status"))
    lines = text.splitlines()
    # Only the daemon knew them, and it is already said to be dead.
    assert lines[-1] == f"layers of {host.namespace}/killed: not known"
    assert lines[0].split() == ["STORE", "STATE", "GENERATION", "AGE", "OPTIONS", "DAEMON"]
    expected = {"well": "fresh", "killed": "dead", "stopped": "dead"}
    assert states(text) == {**expected, **{name: name for name in ("held", "failing", "stale")}}
    assert len({line.index(" running") for line in lines if " running" in line}) == 1  # a column
    reasons = {
        name.partition("/")[2]: reason
        for name, _, reason in (line.partition(" is ") for line in lines if " is " in line)
    }
    assert set(reasons) == set(states(text)) - {"well"}
    assert reasons["held"].endswith(": an emptied store")
    assert f"{time.strftime('%z')}: an" in reasons["held"]
    assert reasons["failing"] == f"failing: the last 4 polls failed: {AWAY}"
    assert "1 h 0 min" in reasons["stale"]
    assert f"(pid {os.getpid()}) was killed" in reasons["killed"]
    command = reasons["stopped"].rpartition("remove the store: ")[2]
    assert answered(host.client(*shlex.split(command)[1:], "--yes")).startswith("removed ")
    assert "stopped" not in states(host.client("status").stdout)


def test_a_store_that_cannot_be_read_has_a_line(host: Host, publish: Publish) -> None:
    publish(STORE, "a")
    damaged = Path(f"/dev/shm{host.names('b').page}")
    damaged.write_bytes(b"nonsense" * 512)
    damaged.chmod(0o600)
    done = host.client("status")
    assert states(done.stdout) == {"a": "fresh", "b": "unreadable"}
    assert done.returncode == 3
    assert "is damaged" in done.stderr
    done = host.client("status", "--json")
    assert done.returncode == 3
    _, line = map(json.loads, done.stdout.splitlines())
    reason = line.pop("reason")
    assert line == {
        "namespace": host.namespace,
        "store": "b",
        "page": host.names("b").page,
        "state": "unreadable",
    }
    assert reason in done.stderr


def test_a_name_cannot_forge_a_line(host: Host, publish: Publish) -> None:
    publish(STORE, "a")
    publish(STORE, "b\n\x1b[31mc")
    assert len(answered(host.client("status")).splitlines()) == 3


@pytest.mark.parametrize("form", ["--long", "--json", None])
def test_the_probe_says_why_a_snapshot_is_too_old(
    host: Host, publish: Publish, form: str | None
) -> None:
    publish(STORE, "prod")
    publish(STORE, "test").report(running(success=ago(3600), failures=9, error=str(AWAY)))
    done = host.client("status", "--max-age", "600", *([form] if form else []))
    assert done.returncode == 4
    assert done.stderr == (
        f"ddbcfg-client: store {host.namespace}/test is too old: its age is 1 h 0 min, "
        f"more than 600 s; the last 9 polls failed: {AWAY}\n"
    )
    assert "test" in done.stdout
    assert answered(host.client("status", "--max-age", "600", "--store", "prod"))


@pytest.mark.parametrize(
    ("interval", "age", "code"),
    [(30, 240, 0), (30, 360, 4), (3600, 10_000, 0), (3600, 11_000, 4)],
)
def test_a_probe_without_a_number_follows_the_interval_of_the_store(
    host: Host,
    publish: Publish,
    capsys: pytest.CaptureFixture[str],
    interval: int,
    age: int,
    code: int,
) -> None:
    """Three intervals, also of the slowest layer, and not under five minutes."""
    page = publish(STORE)
    probe = ["status", "--namespace", host.namespace, "--max-age", "auto"]
    page.report(running(interval=interval * 10**9, success=ago(age)))
    assert main(probe) == code
    assert (f"more than {max(300, 3 * interval)} s" in capsys.readouterr().err) == bool(code)
    page.report(running(interval=10**10, longest_interval=interval * 10**9, success=ago(age)))
    assert main(probe) == code


def test_a_probe_without_a_number_is_for_status_only(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"prod": {"db": {}}}')
    for command, code in ("status", 0), ("get", 2):
        done = host.client(command, "--max-age", "auto", DDBCFG_FILE=str(file))
        assert done.returncode == code, done.stderr
    assert "number of seconds value: 'auto'" in done.stderr
    assert (
        "number of seconds or auto value: '5x'" in host.client("status", "--max-age", "5x").stderr
    )


def test_json_has_the_word_and_the_reason(host: Host, publish: Publish) -> None:
    publish(STORE, "a")
    publish(STORE, "b").report(running(failures=1, error=str(AWAY)))
    lines = map(json.loads, answered(host.client("status", "--json")).splitlines())
    found = [(line["state"], line["reason"]) for line in lines]
    assert found == [("fresh", None), ("failing", f"the last poll failed: {AWAY}")]


@pytest.mark.parametrize(
    ("settings", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_a_terminal_only(
    host: Host, publish: Publish, settings: dict[str, str], coloured: bool
) -> None:
    publish(STORE, "a")
    publish(STORE, "b")
    assert "\x1b" not in answered(host.client("status", **settings))
    ours, theirs = pty.openpty()
    variables = {"DDBCFG_NAMESPACE": host.namespace, "TERM": "xterm", "NO_COLOR": "", **settings}
    done = subprocess.run(
        [sys.executable, "-m", "ddbcfg_client", "status"],
        cwd=ROOT,
        env=environment_of(variables),
        stdout=theirs,
        timeout=PATIENCE,
        check=True,
    )
    assert done.returncode == 0
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    assert ("\x1b[32mfresh\x1b[0m" in text) is coloured
    assert ("\x1b" in text) is coloured
