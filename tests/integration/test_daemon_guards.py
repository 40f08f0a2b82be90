"""A bad push, and a reboot without DynamoDB, as a whole host meets them (G4)."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import ddbcfg_client
from support.daemon import SECRET, Host, left_of
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

# Polls are asked for, so that each test decides how many there are.
NEVER = "86400"


def test_a_bad_push_is_kept_from_readers_until_an_operator_accepts_it(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    schema, metrics = tmp_path / "schema.json", tmp_path / "ddbcfg.prom"
    schema.write_text(json.dumps({"db": {"properties": {"host": {"type": "string"}}}}))
    table.put("prod", "db", host=SECRET)
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--interval", NEVER, "--schema", str(schema), "--metrics-file", str(metrics)),
    )
    daemon.wait_for("generation 1")
    table.put("prod", "db", host=5)
    done = host.client("reload")
    assert done.returncode == 5
    assert "option 'db'['host'] violates 'type' string" in done.stderr
    assert host.config().get("db") == {"host": SECRET}
    status = host.wait_for_status(lambda status: status.held is not None)
    assert "reload --accept" in (status.held or "")
    assert (status.failures, status.error) == (0, None)
    daemon.wait_for("the schema guard refused it")
    assert host.client("reload", "--accept").returncode == 0
    assert host.config().get("db") == {"host": 5}
    daemon.wait_for("an operator accepted the refused reading")
    # An option that is taken away is missed by the schema; an emptied store by the other guard.
    table.delete("prod", "db")
    assert "its only option is gone; without --allow-empty" in host.client("reload").stderr
    assert 'ddbcfg_refused{namespace="' in metrics.read_text()
    assert daemon.stop() == 0


def test_readers_who_ask_for_polls_do_not_get_an_emptied_or_shrunken_store_published(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    for number in range(20):
        table.put("prod", f"option-{number}", host=SECRET)
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--interval", NEVER, "--guard-polls", "2"),
    )
    daemon.wait_for("generation 1")
    for number in range(15):
        table.delete("prod", f"option-{number}")
    for _ in range(3):
        assert "scheduled polls" in host.client("reload").stderr
    assert len(host.config()) == 20
    for number in range(15, 20):
        table.delete("prod", f"option-{number}")
    assert "all of 20 options are gone" in host.client("reload").stderr
    assert len(host.config()) == 20
    assert daemon.stop() == 0


def test_max_age_does_not_bite_while_a_refused_push_is_held(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host=SECRET)
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--interval", "0.1"),
    )
    daemon.wait_for("generation 1")
    config = ddbcfg_client.connect(host.namespace, "prod", max_age=1.0)
    assert config.get("db") == {"host": SECRET}
    table.delete("prod", "db")
    since = host.wait_for_status(lambda status: status.held is not None).held_since
    assert since is not None
    host.wait_for_status(lambda status: time.time() - since > 1.5)
    assert config.get("db") == {"host": SECRET}
    text = host.client("status").stdout
    assert "its only option is gone" in text
    assert "last error:  none" in text
    assert daemon.stop() == 0


def test_a_host_that_boots_while_dynamodb_is_away_serves_the_copy_on_disk(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    table.put("prod", "db", host="before", password=SECRET)
    with FaultProxy(moto_url) as proxy:
        arguments = (
            *("--table", table.name, "--store", "prod", "--endpoint-url", proxy.url),
            *("--interval", "0.3"),
        )
        # As systemd names it for StateDirectory=.
        daemon = host.daemon(*arguments, STATE_DIRECTORY=str(tmp_path))
        daemon.wait_for("generation 1")
        host.wait_for_status(lambda status: any(tmp_path.iterdir()) and status.polls > 1)
        daemon.stop(signal.SIGKILL)
        for path in left_of(host.namespace):
            path.unlink()
        proxy.stop()
        daemon = host.daemon(*arguments, impatient=True, STATE_DIRECTORY=str(tmp_path))
        daemon.wait_for("serving the copy on disk as generation")
        assert host.config().get("db")["host"] == "before"
        status = host.wait_for_status(lambda status: status.failures > 0)
        assert (status.source, status.daemon) == ("disk", "running")
        assert status.age is not None
        proxy.start()
        table.put("prod", "db", host="after")
        host.wait_for_status(lambda status: status.source == "dynamodb" and not status.failures)
        host.wait_for_status(lambda status: status.generation > 2)
        assert host.config().get("db") == {"host": "after"}
        assert daemon.stop() == 0


# sitecustomize.py for a daemon whose disk hangs: Python runs it at its start.
_HANGING_DISK = """
import os, threading
os.fsync = lambda fd: threading.Event().wait()
"""


def test_a_disk_that_hangs_holds_up_neither_polls_nor_the_end(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(_HANGING_DISK)
    (tmp_path / "state").mkdir(mode=0o700)
    table.put("prod", "db", host=SECRET)
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--interval", "0.2", "--state-dir", str(tmp_path / "state")),
        PYTHONPATH=str(tmp_path / "site"),
    )
    daemon.wait_for("generation 1")
    table.put("prod", "db", host="after")
    daemon.wait_for("generation 2")
    polls = host.config().status().polls
    host.wait_for_status(lambda status: status.polls > polls and not status.failures)
    assert host.config().get("db") == {"host": "after"}
    assert daemon.stop() == 0
    assert [path.name.rpartition(".")[2] for path in (tmp_path / "state").iterdir()] == ["new"]


def test_a_state_dir_that_is_none_ends_the_daemon_with_the_reason(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", moto_url),
        *("--state-dir", str(tmp_path / "none")),
    )
    assert daemon.wait() == 1
    assert "--state-dir is not a directory; create it for the daemon's user" in daemon.output


def test_a_schema_that_cannot_be_used_ends_the_daemon_before_anything_is_asked(
    host: Host, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"db": {"properties": {"host": {"pattern": "(?=a)b"}}}}))
    daemon = host.daemon(
        *("--table", "config", "--store", "prod", "--endpoint-url", "http://127.0.0.1:1"),
        *("--schema", str(schema)),
    )
    assert daemon.wait() == 2
    assert "option 'db': the pattern '(?=a)b' cannot be used" in daemon.output
    assert "Traceback" not in daemon.output
    assert not left_of(host.namespace)


def test_an_embedded_dynamodb_spares_the_memory_of_a_real_one(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="real")
    daemon = host.daemon("--table", table.name, "--store", "prod", "--endpoint-url", moto_url)
    daemon.wait_for("generation 1")
    host.wait_for_status(lambda status: status.polls > 0)
    assert daemon.stop() == 0
    local = host.daemon("--local", "examples/config.json")
    assert local.wait() == 77
    assert "use another --namespace with --local" in local.output
    assert "read it:" not in local.output
    assert host.config().get("db") == {"host": "real"}
    assert os.path.exists(f"/dev/shm/{host.names().page[1:]}")


def test_a_name_that_does_not_resolve_leaves_the_last_generation(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="before", password=SECRET)
    first = host.daemon("--table", table.name, "--store", "prod", "--endpoint-url", moto_url)
    first.wait_for("generation 1")
    host.wait_for_status(lambda status: status.polls > 0)
    assert first.stop() == 0
    # RFC 2606: no such name will ever resolve.
    daemon = host.daemon(
        *("--table", table.name, "--store", "prod", "--endpoint-url", "http://ddbcfg.invalid"),
        *("--interval", "0.2"),
        impatient=True,
    )
    status = host.wait_for_status(lambda status: status.failures > 1)
    assert "ddbcfg.invalid" in (status.error or "")
    assert status.generation == 1
    assert host.config().get("db")["host"] == "before"
    assert daemon.stop() == 0
