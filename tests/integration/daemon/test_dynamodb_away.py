"""Whole daemons while DynamoDB fails, hangs or is away (G4, G7, G9)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from ddbcfg_client.shm.status import process_start
from support import fault_proxy as faults
from support.daemon import (
    SECRET,
    DaemonProcess,
    Host,
    a_host,
)
from support.fault_proxy import Fault, FaultProxy
from support.tables import ConfigTable
from support.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
from support.whole_daemons import OFTEN, of, well, wrong_answer


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
