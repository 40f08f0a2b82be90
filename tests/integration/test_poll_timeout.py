"""A poll ends at its deadline, whatever hangs: a real daemon, and what it talks to."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ddbcfg_client.shm.status import Status, process_start
from support import fault_proxy as faults
from support.daemon import Host
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable
from support.waiting import wait_until


def flags_of(table: ConfigTable, url: str, timeout: str = "1", interval: str = "60") -> list[str]:
    return [
        *("--table", table.name, "--store", "prod", "--endpoint-url", url),
        *("--interval", interval, "--poll-timeout", timeout),
    ]


def well(status: Status) -> bool:
    return status.polls > 0 and not status.error


class Trickling:
    """Answers every request with a response whose body comes byte by byte, without end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._trickle, args=[connection]))
                self._threads[-1].start()

    def _trickle(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
            while not self._ended.wait(0.05):
                connection.sendall(b" ")

    def end(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def trickling() -> Iterator[Trickling]:
    server = Trickling()
    yield server
    server.end()


def test_a_response_that_trickles_in_is_cut_off_again_and_again(
    host: Host, table: ConfigTable, trickling: Trickling
) -> None:
    daemon = host.daemon(*flags_of(table, trickling.url, "0.5", interval="0.1"))
    # More often than readings may hang at a time: each ends soon after it was abandoned.
    line = daemon.wait_for("poll 6 failed")
    assert "the poll took longer than 0.5 s (--poll-timeout)" in line
    assert daemon.lines("still hang") == []
    assert daemon.stop() == 0


def test_a_forced_poll_that_hangs_fails_at_the_deadline_and_the_next_one_is_whole(
    host: Host, table: ConfigTable, proxy: FaultProxy
) -> None:
    table.put("prod", "db", host="a")
    daemon = host.daemon(*flags_of(table, proxy.url, interval="3600"))
    daemon.wait_for("generation 1")
    host.wait_for_status(well)
    proxy.fail(faults.HANG)
    daemon.send(signal.SIGHUP)
    away = host.wait_for_status(lambda status: status.failures == 1)
    assert away.error
    assert "took longer than 1 s (--poll-timeout)" in away.error
    assert host.config().get("db") == {"host": "a"}
    table.put("prod", "db", host="b")
    proxy.heal()
    daemon.wait_for("generation 2")


# sitecustomize.py for a daemon whose name servers are silent: Python runs it at its start.
_SILENT_NAME_SERVERS = """
import os, socket
resolve = socket.getaddrinfo
def getaddrinfo(*arguments, **keywords):
    if os.path.exists({fifo!r}):
        open({fifo!r}).close()  # hangs in the kernel, as a resolver does
    return resolve(*arguments, **keywords)
socket.getaddrinfo = getaddrinfo
"""


def test_names_that_are_not_resolved_for_minutes_fail_polls_and_nothing_else(
    host: Host, table: ConfigTable, proxy: FaultProxy, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "sitecustomize.py").write_text(_SILENT_NAME_SERVERS.format(fifo=str(fifo)))
    table.put("prod", "db", host="a")
    daemon = host.daemon(
        *flags_of(table, proxy.url, "0.3", interval="0.1"), PYTHONPATH=str(tmp_path)
    )
    assert "no page was received: check DNS" in daemon.wait_for("poll 3 failed")
    # Nothing ends these: no more of them are started, and the loop goes on.
    assert "3 earlier readings still hang" in daemon.wait_for("poll 8 failed")
    assert len(list(Path(f"/proc/{daemon.pid}/task").iterdir())) < 12
    with fifo.open("w"):
        fifo.unlink()
    daemon.wait_for("generation 1: 1 option")
    host.wait_for_status(well)
    assert daemon.stop() == 0


def test_a_credential_process_that_hangs_is_a_failed_poll_and_is_killed(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    table.put("prod", "db", host="a")
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    helper, settings = tmp_path / "helper", tmp_path / "config"
    helper.write_text(f"#!/bin/sh\necho $$ > {pids}\nsleep 600\n")
    helper.chmod(0o755)
    settings.write_text(f"[profile slow]\ncredential_process = {helper}\n")
    daemon = host.daemon(
        *flags_of(table, moto_url),
        AWS_CONFIG_FILE=str(settings),
        AWS_PROFILE="slow",
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
    )
    pid = int(pids.read_text())
    assert "no page was received" in daemon.wait_for("poll 1 failed")
    wait_until(lambda: process_start(pid) == 0)
    mended = '{"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test"}'
    replacement = tmp_path / "replacement"
    replacement.write_text(f"#!/bin/sh\necho '{mended}'\n")
    replacement.chmod(0o755)
    replacement.replace(helper)
    daemon.wait_for("generation 1: 1 option")
    assert host.config().get("db") == {"host": "a"}
