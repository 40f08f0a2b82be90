"""``ddbcfg-client status``, and how little a command imports (G10)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ddbcfg_client.hotpath import READER
from ddbcfg_client.readonly import COMPILED
from support.client_cli import AWAY, NOW, STORE, Publish, answered, running
from support.daemon import PATIENCE, ROOT, Host, environment_of

# --- status --------------------------------------------------------------------------------------


def rows(text: str) -> dict[str, str]:
    """What status says to a person: the words after each name."""
    return {
        name: words.strip() for name, _, words in (row.partition(":") for row in text.split("\n"))
    }


def test_status_for_a_person(host: Host, publish: Publish) -> None:
    publisher = publish(STORE)
    publisher.report(running(polls=7, failures=2, skipped=1, error=str(AWAY)))
    said = rows(answered(host.client("status")))
    snapshot = publisher.snapshot
    assert snapshot is not None
    assert said["store"] == f"{host.namespace}/prod"
    assert said["generation"].startswith("1, read 20")
    assert said["digest"] == snapshot.digest
    assert said["content"] == f"3 options, {snapshot.size} bytes"
    assert said["age"].endswith("(polled every 60 s)")
    assert said["source"] == "dynamodb"
    assert said["polls"].startswith("7")
    assert "2" in said["polls"]
    assert said["last error"] == str(AWAY)
    assert said["skipped"].startswith("1")
    assert said["daemon"] == f"running (pid {os.getpid()})"
    assert said["memory"].startswith(f"/dev/shm{host.names().page}")


def test_status_tells_how_the_table_is_followed(host: Host, publish: Publish) -> None:
    publisher = publish(STORE)
    now = NOW(time.CLOCK_BOOTTIME)
    followed = {"revision": 7, "epoch": "3f1c", "table_revision": 7, "how": "log"}
    units = {"half_units": 101, "poll_half_units": 1, "full_polls": 2}
    publisher.report(running(**followed, **units, full_read=now - 150 * 10**9))
    said = rows(answered(host.client("status")))
    assert said["revision"] == "7 of epoch 3f1c; the last change was found in the revision item"
    assert said["read units"].startswith("0.5 at the last poll, 50.5 since the daemon's start; ")
    assert said["read units"].endswith("2 polls read the whole store, the last one 2 min 30 s ago")
    assert "in doubt" not in said
    publisher.report(running(**{**followed, "table_revision": 9}, note="read in 40 s"))
    said = rows(answered(host.client("status")))
    assert "the table's is 9" in said["revision"]
    assert "read in 40 s" in said["revision"]
    publisher.report(running(**followed, note="not explained", doubt_since=time.time_ns()))
    said = rows(answered(host.client("status")))
    assert said["in doubt"].endswith(": not explained")
    publisher.report(running(how="no revision", note="the store has no revision item"))
    said = rows(answered(host.client("status")))
    assert said["revision"] == (
        "none, so each poll reads the whole store (the store has no revision item; "
        "'ddbcfg-client reload --full' looks again)"
    )
    publisher.report(running(**{**followed, "how": "no revision"}))
    said = rows(answered(host.client("status")))
    assert said["revision"].endswith("; the last change was found before the revision was followed")
    publisher.report(running())
    assert "revision" not in rows(answered(host.client("status")))


@pytest.mark.parametrize(("seconds", "said"), [(3, "3."), (150, "2 min 3"), (7500, "2 h 5 min")])
def test_age_is_told_as_people_do(host: Host, publish: Publish, seconds: int, said: str) -> None:
    publish(STORE).report(running(success=NOW(time.CLOCK_BOOTTIME) - seconds * 10**9))
    assert rows(answered(host.client("status")))["age"].startswith(said)


def test_status_as_json(host: Host, publish: Publish) -> None:
    publisher = publish(STORE)
    polled = time.time_ns()
    publisher.report(running(polls=7, failures=2, skipped=1, error=str(AWAY), success_unix=polled))
    text = answered(host.client("status", "--json"))
    assert text.count("\n") == 1
    status = json.loads(text)
    snapshot = publisher.snapshot
    assert snapshot is not None
    assert 0 <= status.pop("age") < 30
    assert status == {
        "namespace": host.namespace,
        "store": "prod",
        "page": host.names().page,
        "layout_version": 2,
        "generation": 1,
        "published": 1,
        "digest": snapshot.digest,
        "options": 3,
        "bytes": snapshot.size,
        "read_at": snapshot.read_at,
        "polled_at": polled / 1e9,
        "interval": 60.0,
        "source": "dynamodb",
        "polls": 7,
        "failures": 2,
        "skipped": 1,
        "error": str(AWAY),
        "held": None,
        "held_since": None,
        "copy_error": None,
        "held_bytes": 0,
        "revision": 0,
        "epoch": "",
        "table_revision": 0,
        "change_by": None,
        "revision_note": None,
        "in_doubt_since": None,
        "doubts": 0,
        "poll_units": 0.0,
        "read_units": 0.0,
        "full_polls": 0,
        "full_age": None,
        "pinned": 0,
        "pinned_since": None,
        "pinned_by": None,
        "daemon": "running",
        "daemon_pid": os.getpid(),
        "replaced": False,
        "reader": READER,
        "reader_error": None,
        "file": None,
        "wait_error": None,
        "kept_objects": [],
        "merged_layers": 0,
        "longest_interval": 0.0,
        "state": "failing",
        "reason": f"the last 2 polls failed: {AWAY}",
    }


def test_status_tells_a_daemon_that_stopped_from_one_that_was_killed(
    host: Host, publish: Publish
) -> None:
    publisher = publish(STORE)
    publisher.report(running(daemon_start=1))  # another process has its pid by now
    assert json.loads(answered(host.client("status", "--json")))["daemon"] == "gone"
    publisher.close()
    status = json.loads(answered(host.client("status", "--json")))
    assert (status["daemon"], status["daemon_pid"]) == ("stopped", None)


def test_status_without_a_name_is_of_every_store(host: Host, publish: Publish) -> None:
    long = "long-" * 30  # too long to stand in a name of shared memory as it is
    for store in ("prod", "test", long):
        publish(STORE, store)
    lines = answered(host.client("status", "--json")).splitlines()
    stores = [json.loads(line)["store"] for line in lines]
    assert len(stores) == 3
    assert {"prod", "test"} < set(stores)
    blocks = answered(host.client("status", "--long")).split("\n\n")
    assert [rows(block)["generation"][0] for block in blocks] == ["1", "1", "1"]


def test_status_of_every_store_goes_on_after_one_that_cannot_be_read(
    host: Host, publish: Publish
) -> None:
    publish(STORE, "a")
    publish(STORE, "c")
    damaged = Path(f"/dev/shm{host.names('b').page}")
    damaged.write_bytes(b"nonsense" * 512)
    damaged.chmod(0o600)
    done = host.client("status", "--json")
    found = {line["store"]: line["state"] for line in map(json.loads, done.stdout.splitlines())}
    assert list(found) == ["a", "b", "c"]
    assert found["b"] == "unreadable"
    assert done.returncode == 3
    assert "is damaged" in done.stderr
    assert host.names("b").page in done.stderr


# --- G10: light ----------------------------------------------------------------------------------


_IMPORTED = """
import sys
before = set(sys.modules)
from ddbcfg_client.commands.main import main
code = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
raise SystemExit(code)
"""


@pytest.mark.parametrize("command", [("get", "db"), ("get", "exact", "long"), ("list",), ("get",)])
def test_reading_imports_the_standard_library_only(
    host: Host, publish: Publish, command: tuple[str, ...]
) -> None:
    publish(STORE)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _WITH_PATH, *command],
        cwd=ROOT,
        env=environment_of(
            {"DDBCFG_NAMESPACE": host.namespace, "PATHS": os.pathsep.join(sys.path)}
        ),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = done.stderr.split()
    # What Cython puts there is of msgpack's.
    packages = {module.partition(".")[0] for module in modules if "cython" not in module}
    # Without the compiled part, msgpack decodes.
    ours = {"ddbcfg_client"} if COMPILED else {"ddbcfg_client", "msgpack"}
    assert packages - sys.stdlib_module_names == ours
    assert not packages & {"json", "asyncio", "multiprocessing", "socket", "threading", "logging"}


# -S: what the venv's .pth files import is not ours.
_WITH_PATH = f"import os, sys\nsys.path[:] = os.environ['PATHS'].split(os.pathsep)\n{_IMPORTED}"
