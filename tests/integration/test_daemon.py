"""Whole daemons in front of DynamoDB: what they publish, say and survive (G3, G4, G5, G7, G9)."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.key_names import KeyNames
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.status import Status, process_start
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.systemd import Notifier
from support import fault_proxy as faults
from support.daemon import (
    EXAMPLE,
    PATIENCE,
    ROOT,
    SECRET,
    DaemonProcess,
    Host,
    Record,
    ServiceManager,
    a_host,
    environment_of,
    left_of,
)
from support.fault_proxy import Fault, FaultProxy
from support.tables import ConfigTable
from support.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NEVER = "3600"  # an interval in which no test sees a second poll, unless it asks for one
OFTEN = "0.1"


def of(table: ConfigTable, url: str, *stores: str, interval: str = NEVER) -> list[str]:
    """The flags of a daemon that serves these stores of the table behind the URL."""
    flags = ["--table", table.name, "--endpoint-url", url, "--interval", interval]
    return [*flags, *(word for store in stores or ("prod",) for word in ("--store", store))]


def well(status: Status) -> bool:
    return status.failures == 0 and status.generation > 0 and status.polls > 0


def published(daemon: DaemonProcess) -> list[str]:
    """Its log lines about new generations."""
    return daemon.lines(": generation ")


def wrong_answer(name: str, *items: dict[str, dict[str, str]]) -> Fault:
    """An answer to a Query that no emulator gives."""
    body = json.dumps({"Items": items, "Count": len(items), "ScannedCount": len(items)})
    return Fault(name, make=lambda _: body.encode(), served=False)


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

_READER = """
import sys
import threading
import threading
import ddbcfg_client
config = ddbcfg_client.connect(store="prod", wait=20)
for line in sys.stdin:
    print(config.get("db")["host"], config.generation, flush=True)
"""


class Reader:
    """A process that connects once, and reads when it is told to."""

    def __init__(self, host: Host) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _READER],
            cwd=ROOT,
            env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def read(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


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
    assert host.config("prod").status().failures == 1
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


# --- once ----------------------------------------------------------------------------------------


def test_once_publishes_and_ends(host: Host, table: ConfigTable, moto_url: str) -> None:
    table.put("prod", "db", host="a", password=SECRET)
    daemon = host.daemon(*of(table, moto_url), "--once")
    assert daemon.wait() == 0
    assert host.client("get", "db", "host").stdout == "a\n"
    assert host.config().status().daemon == "stopped"


def test_once_with_a_store_that_nobody_ever_saw_fails(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="a")
    daemon = host.daemon(*of(table, moto_url, "typo"), "--once")
    assert daemon.wait() == 1
    said = daemon.output.splitlines()[-1]
    assert f"table {table.name!r} has no options for store 'typo'" in said
    both = host.daemon(*of(table, moto_url, "typo", "prod"), "--once")
    assert both.wait() == 1
    assert host.client("get", "db", "host", "--store", "prod").stdout == "a\n"
    meant = host.daemon(*of(table, moto_url, "typo"), "--once", "--allow-empty")
    assert meant.wait() == 0


def test_once_without_a_table_says_so(
    host: Host, missing_table: ConfigTable, moto_url: str
) -> None:
    daemon = host.daemon(*of(missing_table, moto_url), "--once")
    assert daemon.wait() == 1
    said = daemon.output.splitlines()[-1]
    assert said.startswith("ddbcfg-daemon: ")
    for words in (missing_table.name, "ResourceNotFoundException", "create the table", moto_url):
        assert words in said


def test_once_without_an_endpoint_says_so(host: Host, missing_table: ConfigTable) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        url = f"http://127.0.0.1:{closed_soon.getsockname()[1]}"
    daemon = host.daemon(*of(missing_table, url), "--once", impatient=True)
    assert daemon.wait() == 1
    said = daemon.output.splitlines()[-1]
    assert url in said
    assert "nothing answers there" in said


def test_once_with_one_store_that_fails_publishes_the_others(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    table.put("prod", "db", host="a")
    table.put("test", "db", host="b")
    proxy.fail(faults.DENIED, "Query", times=1)
    daemon = host.daemon(*of(table, proxy.url, "prod", "test"), "--once")
    assert daemon.wait() == 1
    assert "AccessDeniedException" in daemon.output.splitlines()[-1]
    assert host.config("test").get("db") == {"host": "b"}


def test_once_that_hangs_can_be_interrupted(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    proxy.fail(faults.HANG)
    daemon = host.daemon(*of(table, proxy.url), "--once")
    proxy.wait_for(1)
    began = time.monotonic()
    assert daemon.stop(signal.SIGINT) == 130
    assert time.monotonic() - began < 4  # before its own time limits
    assert "Traceback" not in daemon.output


# --- what it refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(), ("--once",)])
def test_a_table_with_other_keys_is_refused(
    host: Host, missing_table: ConfigTable, moto_url: str, flags: tuple[str, ...]
) -> None:
    missing_table.create_with_keys("app", "name")
    daemon = host.daemon(*of(missing_table, moto_url), *flags)
    assert daemon.wait() == 78
    said = daemon.output.splitlines()[-1]
    for words in (missing_table.name, "'_store'", "'_option'", "'app'", "'name'", "--store-key"):
        assert words in said
    # Readers hear of it, too.
    status = host.config().status()
    assert (status.generation, status.daemon) == (0, "stopped")
    assert status.error
    assert status.error in said
    done = host.client("get", "db")
    assert done.returncode == 3
    assert status.error in done.stderr


def test_a_second_daemon_is_told_the_pid_of_the_first(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="a")
    first = host.daemon(*of(table, moto_url))
    first.wait_for("generation 1")
    second = host.daemon(*of(table, moto_url))
    assert second.wait() == 75
    said = second.output.splitlines()[-1]
    assert "'prod'" in said
    assert f"pid {first.pid}" in said
    # The first one is none the worse for it, and what the second one had taken is free again.
    assert host.client("reload", "--store", "prod").returncode == 0
    assert host.config().status().daemon_pid == first.pid
    table.put("other", "db", host="a")
    third = host.daemon(*of(table, moto_url, "other"), "--once")
    assert third.wait() == 0


# --- tables that are not as they should be -------------------------------------------------------


def test_an_empty_store_is_published_empty_and_that_is_said(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    daemon = host.daemon(*of(table, moto_url))
    assert "0 options" in daemon.wait_for("generation 1")
    assert "the table has no options for this store" in daemon.wait_for("WARNING")
    assert host.client("get").stdout == "{}\n"
    assert host.client("get", "db").returncode == 1


def test_a_missing_table_is_waited_for(
    host: Host, missing_table: ConfigTable, moto_url: str
) -> None:
    daemon = host.daemon(*of(missing_table, moto_url, interval=OFTEN))
    line = daemon.wait_for("poll 2 failed")
    assert "ResourceNotFoundException" in line
    assert "nothing is published yet" in line
    assert "ResourceNotFoundException" in host.client("get", "db").stderr
    missing_table.create()
    missing_table.put("prod", "db", host="a", password=SECRET)
    daemon.wait_for("polls succeed again")
    host.wait_for_status(lambda status: status.options == 1)
    assert host.client("get", "db", "host").stdout == "a\n"


def test_an_item_whose_name_is_no_string_is_skipped_counted_and_named_once(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    good = {"_store": {"S": "prod"}, "_option": {"S": "db"}, "host": {"S": "a"}}
    bad = {"_store": {"S": "prod"}, "_option": {"N": "5"}, "password": {"S": SECRET}}
    proxy.fail(wrong_answer("a number for a name", bad, good), "Query")
    daemon = host.daemon(*of(table, proxy.url, interval=OFTEN))
    status = host_status_after(daemon, host, polls=3)
    assert (status.skipped, status.options, status.failures) == (1, 1, 0)
    assert len(daemon.lines("skipped")) == 1
    assert "{'N': '5'}" in daemon.lines("skipped")[0]
    assert "1 items" in host.client("status").stdout
    assert host.config().get() == {"db": {"host": "a"}}


def host_status_after(daemon: DaemonProcess, host: Host, polls: int) -> Status:
    daemon.wait_for("generation 1")
    return host.wait_for_status(lambda status: status.polls >= polls)


# --- polls that are asked for --------------------------------------------------------------------


def test_sighup_polls_every_store_now(host: Host, table: ConfigTable, moto_url: str) -> None:
    daemon = host.daemon(*of(table, moto_url, "prod", "test"))
    daemon.wait_for("prod: generation 1")
    daemon.wait_for("test: generation 1")
    for store in ("prod", "test"):
        table.put(store, "db", host="new", password=SECRET)
    daemon.send(signal.SIGHUP)
    for store in ("prod", "test"):
        assert daemon.wait_for(f"{store}: generation 2").endswith("; added db")
    daemon.wait_for("polling now on SIGHUP")


def test_a_storm_of_sighup_writes_one_line_for_each_poll_it_causes(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="a")
    daemon = host.daemon(*of(table, moto_url))
    daemon.wait_for("generation 1")
    config = host.config()
    sent = 0
    while config.status().polls < 3:
        daemon.send(signal.SIGHUP)
        sent += 1
    assert daemon.stop() == 0
    assert sent > 200
    # One may have been asked for when it stopped.
    assert 2 <= len(daemon.lines("polling now on SIGHUP")) <= config.status().polls
    assert len(daemon.output.splitlines()) < 20


def test_reload_while_dynamodb_is_away_fails_with_the_reason(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    table.put("prod", "db", host="a", password=SECRET)
    host.daemon(*of(table, proxy.url), impatient=True).wait_for("generation 1")
    proxy.fail(faults.EXPIRED)
    done = host.client("reload")
    assert (done.returncode, done.stdout) == (5, "")
    assert "ExpiredTokenException" in done.stderr
    assert "renew the credentials" in done.stderr
    assert host.client("get", "db", "host").stdout == "a\n"


def test_polls_that_are_asked_for_come_at_most_once_a_second(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    table.put("prod", "db", host="a")
    host.daemon(*of(table, proxy.url)).wait_for("generation 1")
    host.wait_for_status(lambda status: status.polls == 1)
    page = Page(host.names(), Trust())
    started = [page.status().poll_started]
    reloads: list[int] = []

    def keep_asking() -> None:
        config = host.config()
        while len(started) < 4:
            config.reload(PATIENCE)
            reloads.append(1)

    # More than may be connected at once: those who are not let in come again, and are served too.
    threads = [threading.Thread(target=keep_asking) for _ in range(12)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE
    while len(started) < 4:
        status = page.status()
        if status.poll_started != started[-1]:
            started.append(status.poll_started)
        assert time.monotonic() < deadline
        time.sleep(0.001)
    for thread in threads:
        thread.join(PATIENCE)
    gaps = [(later - earlier) / 1e9 for earlier, later in pairwise(started)]
    assert all(gap >= 0.99 for gap in gaps)
    assert len(reloads) >= 12
    assert proxy.count("Query") <= 6


# --- DynamoDB away: G4, G7, G9 -------------------------------------------------------------------


class Served:
    """A store that is served through a proxy, by one daemon for all of these tests."""

    def __init__(self, host: Host, proxy: FaultProxy, daemon: DaemonProcess) -> None:
        self.host = host
        self.proxy = proxy
        self.daemon = daemon


@pytest.fixture(scope="module")
def served(moto_url: str, moto_client: DynamoDBClient) -> Iterator[Served]:
    with a_host() as host, FaultProxy(moto_url) as proxy:
        table = ConfigTable(moto_client, f"config-{uuid4().hex[:12]}")
        table.create()
        table.put("prod", "db", host="a", password=SECRET)
        daemon = host.daemon(*of(table, proxy.url, interval=OFTEN), impatient=True)
        daemon.wait_for("generation 1")
        yield Served(host, proxy, daemon)
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.output


_UNKNOWN_TYPE = wrong_answer(
    "unknown type",
    {"_store": {"S": "prod"}, "_option": {"S": "db"}, "password": {"X": SECRET}},
)
_OTHER_STORE = wrong_answer(
    "item of another store",
    {"_store": {"S": "test"}, "_option": {"S": "db"}, "password": {"S": SECRET}},
)
_NO_NUMBER = wrong_answer(
    "no number",
    {"_store": {"S": "prod"}, "_option": {"S": "db"}, "password": {"N": SECRET}},
)


@pytest.mark.parametrize(
    "fault",
    [
        *faults.FAULTS,
        faults.LOST,
        faults.NO_ANSWER,
        faults.BAD_CHECKSUM,
        _UNKNOWN_TYPE,
        _OTHER_STORE,
        _NO_NUMBER,
        None,
    ],
    ids=lambda fault: str(fault or "connection refused"),
)
def test_whatever_dynamodb_does_the_last_generation_stays_until_it_is_back(
    served: Served, fault: Fault | None
) -> None:
    host, proxy = served.host, served.proxy
    config = host.config()
    before = host.wait_for_status(well)
    if fault is None:
        proxy.stop()
    else:
        proxy.fail(fault)
    away = host.wait_for_status(lambda status: status.failures >= 2)
    assert away.error
    assert (away.generation, away.digest) == (before.generation, before.digest)
    assert away.daemon == "running"
    assert config.get("db") == {"host": "a", "password": SECRET}
    assert "still serving generation 1" in served.daemon.lines("poll 2 failed")[-1]
    # Nothing is told that was not true: the age is that of the last poll that succeeded.
    assert away.polled_at is not None
    assert host.wait_for_status(lambda status: status.failures > away.failures).polled_at == (
        away.polled_at
    )

    if fault is None:
        proxy.start()
    proxy.heal()
    back = host.wait_for_status(well)
    assert (back.error, back.generation) == (None, before.generation)
    assert back.polled_at is not None
    assert back.polled_at > away.polled_at
    assert SECRET not in served.daemon.output


def test_a_daemon_whose_poll_hangs_ends_all_the_same(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    proxy.fail(faults.HANG, "Query")
    daemon = host.daemon(*of(table, proxy.url))
    proxy.wait_for(1, "Query")
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 5
    assert "Traceback" not in daemon.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_whose_credentials_hang_hears_signals_and_ends_its_helper(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    pid_file = tmp_path / "pid"
    os.mkfifo(pid_file)
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 600\n")
    helper.chmod(0o755)
    settings = tmp_path / "config"
    settings.write_text(f"[profile hangs]\ncredential_process = {helper}\n")
    daemon = host.daemon(
        *of(table, moto_url),
        AWS_CONFIG_FILE=str(settings),
        AWS_PROFILE="hangs",
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
    )
    pid = int(pid_file.read_text())  # it runs by now
    began = time.monotonic()
    assert daemon.stop(number) == 0
    assert time.monotonic() - began < 5
    assert f"{number.name}" in daemon.output
    assert "Traceback" not in daemon.output
    wait_until(lambda: process_start(pid) == 0)


def test_a_daemon_that_was_suspended_goes_on(host: Host, table: ConfigTable, moto_url: str) -> None:
    table.put("prod", "db", host="old")
    daemon = host.daemon(*of(table, moto_url))
    daemon.wait_for("generation 1")
    host.wait_for_status(lambda status: status.polls == 1)
    daemon.send(signal.SIGSTOP)
    state = Path(f"/proc/{daemon.pid}/stat")
    while state.read_text().rpartition(")")[2].split()[0] != "T":
        pass
    daemon.send(signal.SIGCONT)
    table.put("prod", "db", host="new")
    assert host.client("reload").stdout == "generation 2\n"


# --- the log -------------------------------------------------------------------------------------


@pytest.fixture
def stuck_pipe() -> Iterator[int]:
    """The writing end of a full pipe that nobody reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("stderr", ["stuck", "full", "closed"])
def test_a_log_that_nobody_takes_holds_up_neither_polls_nor_the_end(
    host: Host, table: ConfigTable, moto_url: str, stuck_pipe: int, stderr: str
) -> None:
    table.put("prod", "db", host="a", password=SECRET)
    where = {"stuck": f"2>&{stuck_pipe}", "full": "2>/dev/full", "closed": "2>&-"}[stderr]
    command = [sys.executable, "-m", "ddbcfg_daemon", *of(table, moto_url, interval=OFTEN)]
    daemon = subprocess.Popen(
        ["bash", "-c", f'exec "$@" {where}', "bash", *command],
        cwd=ROOT,
        env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
        stdout=subprocess.PIPE,
        pass_fds=(stuck_pipe,),
    )
    try:
        reader = Reader(host)
        assert reader.read() == "a 1"
        for number in range(2, 5):  # each is worth a line
            table.put("prod", "db", host=str(number))
            host.wait_for_status(lambda status, number=number: status.generation == number)  # type: ignore[misc]
        assert reader.read() == "4 4"
        reader.process.communicate(timeout=PATIENCE)
        daemon.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert daemon.wait(PATIENCE) == 0
        assert time.monotonic() - began < 5
    finally:
        daemon.kill()
        assert daemon.communicate() == (b"", None)  # nothing went where it does not belong


def test_no_name_in_the_table_can_forge_a_line_of_the_log(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="a")
    daemon = host.daemon(*of(table, moto_url))
    daemon.wait_for("generation 1")
    names = ("x\n2026-01-01 CRITICAL forged", "\x1b[2J", "a; removed db")
    for name in names:
        table.put("prod", name, host="a", password=SECRET)
    daemon.send(signal.SIGHUP)
    line = daemon.wait_for("generation 2")
    assert line.endswith("; added '\\x1b[2J', 'a; removed db', 'x\\n2026-01-01 CRITICAL forged'")
    assert not [line for line in daemon.output.splitlines() if line.startswith("2026-01-01")]
    assert daemon.output.replace("\n", "").isprintable()


def test_a_password_in_the_endpoint_is_nowhere_to_be_seen(host: Host, table: ConfigTable) -> None:
    flags = of(table, "http://me:hunter2@127.0.0.1:1", interval=OFTEN)
    daemon = host.daemon(*flags, impatient=True)
    daemon.wait_for("poll 1 failed")
    host.wait_for_status(lambda status: status.failures > 0)
    once = host.daemon(*flags, "--once", DDBCFG_NAMESPACE=f"{host.namespace}-b", impatient=True)
    assert once.wait() == 1
    assert "127.0.0.1:1" in once.output.splitlines()[-1]
    assert "hunter2" not in daemon.output + once.output


# --- systemd -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_systemd_hears_ready_only_after_the_first_publication(
    host: Host, table: ConfigTable, proxy: FaultProxy, tmp_path: Path, kind: str
) -> None:
    table.put("prod", "db", host="a", password=SECRET)
    proxy.fail(faults.DENIED)
    with ServiceManager(tmp_path if kind == "file" else None) as manager:
        daemon = host.daemon(
            *of(table, proxy.url, interval=OFTEN),
            NOTIFY_SOCKET=manager.address,
            WATCHDOG_USEC="300000",
        )
        # It lives, and says what is wrong.
        early = [manager.receive() for _ in range(5)]
        while not any("AccessDeniedException" in state for state in early[-1]):
            early.append(manager.receive())
        assert all("WATCHDOG=1" in states for states in early)
        assert not any("READY=1" in states for states in early)

        proxy.heal()
        manager.receive_until("READY=1")
        # Fed three times within its time, though the service looks at itself but once a second.
        began = time.monotonic()
        pings = [manager.receive() for _ in range(8)]
        assert all("WATCHDOG=1" in states for states in pings)
        assert not any("READY=1" in states for states in pings)
        assert time.monotonic() - began < 5
        status = next(state for state in pings[-1] if state.startswith("STATUS="))
        assert "generation 1, 1 options" in status

        daemon.send(signal.SIGTERM)
        manager.receive_until("STOPPING=1")
        assert daemon.wait() == 0


def test_a_service_manager_that_does_not_read_holds_nothing_up(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="a", password=SECRET)
    with ServiceManager() as manager:
        # A full queue: the daemon's first datagram would wait for somebody to read.
        notifier = Notifier({"NOTIFY_SOCKET": manager.address})
        while notifier.send("STATUS=full"):
            pass
        daemon = host.daemon(*of(table, moto_url, interval=OFTEN), NOTIFY_SOCKET=manager.address)
        daemon.wait_for("generation 1")
        host.wait_for_status(lambda status: status.polls >= 20)
        # What was lost is said again when there is room.
        manager.receive_until("READY=1")
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 5


def test_systemd_hears_ready_only_when_every_store_is_published(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    # Of two stores, one at a time is refused for good.
    proxy.fail(faults.DENIED, "Query", times=1)
    with ServiceManager() as manager:
        daemon = host.daemon(
            *of(table, proxy.url, "prod", "test", interval=OFTEN), NOTIFY_SOCKET=manager.address
        )
        line = daemon.wait_for("poll 1 failed")
        refused = "prod" if "/prod:" in line else "test"
        other = "test" if refused == "prod" else "prod"
        daemon.wait_for(f"{other}: generation 1")
        ready = manager.receive_until("READY=1")[-1]
        status = next(state for state in ready if state.startswith("STATUS="))
        assert f"{refused}: generation 1" in status
        assert f"{other}: generation 1" in status


# --- the record of all that was said -------------------------------------------------------------


def test_a_value_in_the_record_would_fail_the_session() -> None:
    record = Record()
    record.add("quiet", "generation 1: 1 options")
    record.add("chatty", f"db = {{'password': '{SECRET}'}}")
    assert record.leaks() == ["chatty"]
