"""Polls that are asked for, by SIGHUP and by readers."""

from __future__ import annotations

import signal
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Trust
from support import fault_proxy as faults
from support.daemon import (
    PATIENCE,
    SECRET,
    Host,
)
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

if TYPE_CHECKING:
    pass
from support.whole_daemons import of


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
