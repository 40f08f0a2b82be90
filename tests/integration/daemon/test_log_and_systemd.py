"""What a daemon writes to its log and sends to systemd (G9)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ddbcfg_daemon.systemd import Notifier
from support import fault_proxy as faults
from support.daemon import (
    PATIENCE,
    ROOT,
    SECRET,
    Host,
    Record,
    ServiceManager,
    environment_of,
)
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

if TYPE_CHECKING:
    pass
from support.whole_daemons import OFTEN, Reader, of

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
        assert "generation 1, 1 option" in status

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
    record.add("quiet", "generation 1: 1 option")
    record.add("chatty", f"db = {{'password': '{SECRET}'}}")
    assert record.leaks() == ["chatty"]
