"""Whole daemons in front of DynamoDB: what they publish (G4, G5)."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from support import fault_proxy as faults
from support.daemon import (
    EXAMPLE,
    PATIENCE,
    ROOT,
    SECRET,
    DaemonProcess,
    Host,
    environment_of,
    left_of,
)
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

if TYPE_CHECKING:
    pass
from support.whole_daemons import OFTEN, Reader, of, well


def published(daemon: DaemonProcess) -> list[str]:
    """Its log lines about new generations."""
    return daemon.lines(": generation ")


# --- the embedded DynamoDB -----------------------------------------------------------------------


def test_local_serves_the_example_and_says_how_to_read_it(host: Host) -> None:
    daemon = host.daemon("--local", "examples/config.json", "--interval", "5")
    daemon.wait_for("generation 1: 4 options")
    assert "test" in daemon.wait_for("not served:")

    command = shlex.split(daemon.wait_for("read it:").partition(":")[2])
    done = subprocess.run(
        [*command, "db"],
        cwd=ROOT,
        env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '{"host": "db-cluster.com", "port": 27017}\n'

    # The endpoint is a DynamoDB for anybody.
    where = daemon.wait_for("DynamoDB:")
    found = re.search(r"(http://127\.0\.0\.1:\d+) .*region ([\w-]+), table 'config'", where)
    assert found
    client = connect_dynamodb(endpoint_url=found[1], region=found[2])
    ConfigTable(client, "config").put("prod", "db", host="elsewhere", password=SECRET)
    client.close()
    daemon.send(signal.SIGHUP)
    assert daemon.wait_for("generation 2").endswith("; changed db")
    assert host.client("get", "db", "host").stdout == "elsewhere\n"

    # A poll that finds nothing new says nothing.
    assert host.client("reload").stdout == "generation 2\n"
    assert len(published(daemon)) == 2
    assert host.wait_for_status(well).source == "local"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_local_ends_cleanly_and_leaves_nothing(host: Host, number: signal.Signals) -> None:
    stores = ("--store", "prod", "--store", "test")
    daemon = host.daemon("--local", str(EXAMPLE), "--interval", OFTEN, *stores)
    daemon.wait_for("test: generation 1: 3 options")
    daemon.wait_for("prod: generation 1: 4 options")
    assert left_of(host.namespace)
    assert daemon.stop(number) == 0
    assert f"stopping on {number.name}" in daemon.output
    assert "Traceback" not in daemon.output
    assert left_of(host.namespace) == []
    assert len(published(daemon)) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{\n  "prod": {\n    "db": {"password": "hunter2" 1}}}', ":3: not JSON"),
        ('{"prod": {"db": "hunter2"}}', ": prod.db: must be an object"),
        ("{}", "no store"),
        (None, "No such file"),
    ],
)
def test_local_file_that_says_no_stores_is_refused(
    host: Host, tmp_path: Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "config.json"
    if text is not None:
        file.write_text(text)
    daemon = host.daemon("--local", str(file))
    assert daemon.wait() == 2
    assert daemon.output.startswith(f"ddbcfg-daemon: {file}")
    assert reason in daemon.output
    assert daemon.output.count("\n") == 0


# --- publishing ----------------------------------------------------------------------------------


@pytest.fixture
def readers(host: Host) -> Iterator[list[Reader]]:
    """Eight processes that read."""
    made = [Reader(host) for _ in range(8)]
    yield made
    for reader in made:
        reader.process.communicate(timeout=PATIENCE)


def test_a_change_is_in_the_next_read_of_eight_processes_after_the_next_poll(
    host: Host, table: ConfigTable, moto_url: str, readers: list[Reader]
) -> None:
    table.put("prod", "db", host="old", password=SECRET)
    host.daemon(*of(table, moto_url))
    assert [reader.read() for reader in readers] == ["old 1"] * 8
    table.put("prod", "db", host="new", password=SECRET)
    assert [reader.read() for reader in readers] == ["old 1"] * 8
    assert host.client("reload").stdout == "generation 2\n"
    assert [reader.read() for reader in readers] == ["new 2"] * 8


def test_polls_that_find_nothing_new_make_no_generation_but_the_age_moves_on(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="a")
    daemon = host.daemon(*of(table, moto_url, interval=OFTEN))
    daemon.wait_for("generation 1")
    first = host.wait_for_status(well)
    segment = Path(f"/dev/shm{host.names().segment(1)}")
    before = segment.stat()
    later = host.wait_for_status(lambda status: status.polls >= first.polls + 3)
    assert (later.generation, later.digest, later.read_at) == (1, first.digest, first.read_at)
    assert first.polled_at is not None
    assert later.polled_at is not None
    assert later.polled_at > first.polled_at
    assert (segment.stat().st_ino, segment.stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )
    assert len(published(daemon)) == 1


def test_each_store_has_memory_of_its_own_and_its_own_fate(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    table.put("prod", "db", host="a", password=SECRET)
    table.put("test", "db", host="b")
    daemon = host.daemon(*of(table, proxy.url, "prod", "test"))
    daemon.wait_for("prod: generation 1")
    daemon.wait_for("test: generation 1")
    assert host.client("get", "db", "host", "--store", "prod").stdout == "a\n"
    assert host.client("get", "db", "host", "--store", "test").stdout == "b\n"

    table.put("test", "db", host="c")
    # Whoever comes first is refused.
    proxy.fail(faults.DENIED, "Query", times=1)
    prod = host.client("reload", "--store", "prod")
    assert prod.returncode == 5
    assert "AccessDeniedException" in prod.stderr
    assert host.client("reload", "--store", "test").stdout == "generation 2\n"
    assert host.config("test").status().failures == 0
    assert (host.config("prod").generation, host.config("test").generation) == (1, 2)


def test_a_store_of_3_mb_comes_whole_in_several_pages(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    texts = {f"option-{number:02}": f"{number} {SECRET} " + 250_000 * "x" for number in range(13)}
    for option, text in texts.items():
        table.put("prod", option, text=text)
    daemon = host.daemon(*of(table, proxy.url))
    daemon.wait_for("generation 1: 13 options")
    queries = [request.body for request in proxy.requests if request.operation == "Query"]
    assert len(queries) >= 4
    assert ["ExclusiveStartKey" in query for query in queries] == [False] + [True] * (
        len(queries) - 1
    )
    # What was published before a daemon started is not known to its source.
    assert all(query["ConsistentRead"] is True for query in queries)
    assert {option: keys["text"] for option, keys in host.config().get().items()} == texts
    assert host.wait_for_status(well).bytes > 3_000_000
    assert json.loads(host.client("get").stdout)["option-12"]["text"] == texts["option-12"]


def test_other_names_of_keys_and_consistent_reads(
    host: Host, missing_table: ConfigTable, proxy: FaultProxy
) -> None:
    missing_table.create_with_keys("app", "name")
    Table(missing_table.client, missing_table.name, KeyNames("app", "name")).put(
        "prod", "db", {"_store": {"S": "a value like any other"}}
    )
    flags = ("--store-key", "app", "--option-key", "name", "--consistent-read")
    host.daemon(*of(missing_table, proxy.url), *flags).wait_for("generation 1")
    assert proxy.requests[-1].body["ConsistentRead"] is True
    assert host.config().get() == {"db": {"_store": "a value like any other"}}


def test_what_was_published_outlives_the_daemon_and_the_next_one_goes_on(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="old")
    first = host.daemon(*of(table, moto_url))
    first.wait_for("generation 1")
    assert first.stop() == 0
    config = host.config()
    assert config.get("db") == {"host": "old"}
    assert config.status().daemon == "stopped"
    said = host.client("reload", "--timeout", "0.1")
    assert said.returncode == 5
    assert "stopped" in said.stderr

    table.put("prod", "db", host="new")
    second = host.daemon(*of(table, moto_url))
    second.wait_for("generation 2")
    assert config.get("db") == {"host": "new"}
    assert config.status().daemon_pid == second.pid
