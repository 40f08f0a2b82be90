"""A bad push at night, as a whole host meets it: pinned, restarted, released (G4, G7)."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support import fault_proxy as faults
from support.daemon import SECRET, Host, left_of
from support.fault_proxy import FaultProxy
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
    assert "does not have generation 77" in gone.stderr

    done = host.client("unpin")
    assert (done.returncode, done.stderr) == (0, "")
    assert host.config().get("db")["host"] == "bad"
    assert host.config().status().pinned == 0
    assert daemon.stop() == 0


def test_without_a_daemon_the_error_says_so(host: Host) -> None:
    done = host.client("pin", "--table", "t", "--store", "prod")
    assert done.returncode == 7
    assert "no daemon serves it" in done.stderr


def test_once_and_check_keep_to_the_pin_and_say_so(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    arguments = ("--table", table.name, "--store", "prod", "--endpoint-url", moto_url)
    arguments += ("--state-dir", str(tmp_path))
    table.put("prod", "db", host="good", password=SECRET)
    daemon = host.daemon(*arguments, "--interval", "86400")
    daemon.wait_for("generation 1")
    assert host.client("pin").returncode == 0
    table.put("prod", "db", host="bad", password=SECRET)
    check = host.daemon(*arguments, "--check")
    assert check.wait() == 0
    assert "# pinned to the content of generation 1 since 2" in check.output
    assert daemon.stop() == 0
    once = host.daemon(*arguments, "--once")
    assert once.wait() == 1
    assert "newer content of the table is held: generation 1 was pinned" in once.output
    assert host.config().get("db")["host"] == "good"
    # The record says it too if the memory is gone.
    for path in left_of(host.namespace):
        path.unlink()
    assert host.daemon(*arguments, "--once").wait() == 1
    assert host.config().get("db")["host"] == "good"
    (record,) = tmp_path.glob("*.pin")
    record.write_bytes(b"damaged")
    check = host.daemon(*arguments, "--check")
    assert check.wait() == 0
    assert "# the record of what is pinned cannot be read: " in check.output


def test_who_unpins_while_dynamodb_is_away_is_told_that_it_is_unpinned(
    host: Host, table: ConfigTable, moto_url: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    table.put("prod", "db", host="good", password=SECRET)
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", proxy.url),
        *("--interval", "86400", "--state-dir", str(tmp_path)),
        impatient=True,
    )
    daemon.wait_for("generation 1")
    done = host.client("pin", "--revision", "3")
    assert done.returncode == 7
    assert "knows the revision of none of its generations; it has generation 1" in done.stderr
    assert host.client("pin").returncode == 0
    proxy.fail(faults.RESET)
    done = host.client("unpin")
    assert done.returncode == 5
    assert "is no longer pinned; generation 1" in done.stdout
    assert "was not reloaded: " in done.stderr
    assert host.config().status().pinned == 0
    assert daemon.stop() == 0
