"""A bad push at night, as a whole host meets it: pinned, restarted, released (G4, G7)."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support.daemon import SECRET, Host, left_of
from support.tables import ConfigTable


def test_an_operator_pins_the_content_before_a_bad_push_and_releases_it(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    arguments = ("--table", table.name, "--store", "prod", "--endpoint-url", moto_url)
    metrics = tmp_path / "ddbcfg.prom"
    arguments += (
        "--interval",
        "86400",
        "--state-dir",
        str(tmp_path),
        "--metrics-file",
        str(metrics),
    )
    table.put("prod", "db", host="good", password=SECRET)
    daemon = host.daemon(*arguments)
    daemon.wait_for("generation 1")
    table.put("prod", "db", host="bad", password=SECRET)
    assert host.client("reload").returncode == 0
    host.wait_for_status(lambda status: status.polls > 1)
    rows = [json.loads(line) for line in host.client("generations", "--json").stdout.splitlines()]
    assert [(row["generation"], row["changed"], row["current"]) for row in rows] == [
        (2, ["db"], True),
        (1, [], False),
    ]
    assert "~db" in host.client("generations").stdout

    done = host.client("pin", "--generation", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pinned to the content of generation 1, as generation 3" in done.stdout
    assert host.config().get("db")["host"] == "good"
    host.wait_for_status(lambda status: status.held is not None)
    said = json.loads(host.client("status", "--json").stdout)
    assert (said["state"], said["pinned"]) == ("pinned", 1)
    assert "pinned:" in host.client("status").stdout
    daemon.wait_for("pinned to the content of generation 1")
    assert "ddbcfg_pinned" in metrics.read_text()

    assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    for path in left_of(host.namespace):  # a reboot
        path.unlink()
    daemon = host.daemon(*arguments)
    host.config().wait(20)
    host.wait_for_status(lambda status: status.polls > 0)
    assert host.config().get("db")["host"] == "good"
    gone = host.client("pin", "--generation", "77")
    assert gone.returncode == 7
    assert "no generation 77 any more" in gone.stderr

    done = host.client("unpin")
    assert (done.returncode, done.stderr) == (0, "")
    assert host.config().get("db")["host"] == "bad"
    assert host.config().status().pinned == 0
    assert daemon.stop() == 0


def test_without_a_daemon_the_error_says_so(host: Host) -> None:
    done = host.client("pin", "--table", "t", "--store", "prod")
    assert done.returncode == 7
    assert "no daemon serves it" in done.stderr
