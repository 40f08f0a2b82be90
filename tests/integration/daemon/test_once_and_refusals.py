"""``--once``, what a daemon refuses, and unusual tables (G4, G5, G9)."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from ddbcfg_client.shm.status import Status
from support import fault_proxy as faults
from support.daemon import (
    SECRET,
    DaemonProcess,
    Host,
)
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

if TYPE_CHECKING:
    pass
from support.whole_daemons import OFTEN, of, wrong_answer

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
    assert "nothing responds there" in said


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
    assert "1 item" in host.client("status").stdout
    assert host.config().get() == {"db": {"host": "a"}}


def host_status_after(daemon: DaemonProcess, host: Host, polls: int) -> Status:
    daemon.wait_for("generation 1")
    return host.wait_for_status(lambda status: status.polls >= polls)
