"""``ddbcfg-client`` reload, wait and watch."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ddbcfg_client.hotpath import READER
from support.awaiting import descriptors
from support.client_cli import AWAY, STORE, Answers, Client, Publish, answered, failed, running
from support.daemon import PATIENCE, SECRET, Host
from support.request_serving import serving
from support.shm import reading
from support.waiting import wait_until

# --- reload: 5 -----------------------------------------------------------------------------------


def test_reload_returns_when_the_daemon_has_polled(host: Host, source: Answers) -> None:
    assert answered(host.client("reload")) == "generation 1\n"
    source.answer = reading({"db": {"host": "new"}})
    assert answered(host.client("reload")) == "generation 2\n"
    assert answered(host.client("get", "db", "host")) == "new\n"


def test_reload_as_json(host: Host, source: Answers) -> None:
    source.answer = reading({"db": {"host": "new"}})
    document = json.loads(answered(host.client("reload", "--json")))
    status = host.config().status()
    assert status.polled_at is not None
    at = datetime.fromisoformat(document.pop("at"))
    assert at.utcoffset() == timedelta(0)
    assert at.timestamp() == pytest.approx(status.polled_at, abs=0.001)
    expected = {"namespace": host.namespace, "store": "prod", "generation": 2, "revision": None}
    assert document == {**expected, "digest": status.digest}


def test_reload_that_failed_says_why(host: Host, source: Answers) -> None:
    source.answer = AWAY
    assert str(AWAY) in failed(host.client("reload"), 5)
    # What was published is still there.
    assert answered(host.client("get", "empty")) == "{}\n"


def test_reload_of_a_daemon_that_hangs_or_stopped(host: Host) -> None:
    with serving(host.names()) as served:
        served.publisher.publish(reading(STORE))
        served.publisher.report(running())
        said = failed(host.client("reload", "--timeout", "0.1"), 5)
        assert f"pid {os.getpid()}" in said
        assert "0.1 s" in said
    said = failed(host.client("reload", "--timeout", "0.1"), 5)
    assert "no daemon serves it on this host" in said


# --- wait and watch ------------------------------------------------------------------------------


def test_wait_returns_at_once_when_there_is_a_snapshot(host: Host, publish: Publish) -> None:
    publish(STORE)
    assert answered(host.client("wait")) == "generation 1\n"


def test_wait_returns_when_the_first_snapshot_comes(
    publish: Publish, start: Callable[..., Client]
) -> None:
    client = start("wait")
    # From here on it may look for one at any time.
    maps = Path(f"/proc/{client.process.pid}/maps")
    deadline = time.monotonic() + PATIENCE
    decoder = "/_compiled." if READER == "compiled" else "_cmsgpack"
    while decoder not in maps.read_text():
        assert time.monotonic() < deadline
    assert client.process.poll() is None
    publish(STORE)
    assert client.line() == "generation 1"
    assert client.end() == (0, "")


def test_wait_does_not_wait_for_several_stores_to_become_one(host: Host, publish: Publish) -> None:
    publish(STORE, "prod")
    publish(STORE, "test")
    said = failed(host.client("wait"), 2)
    assert "name the table and the store" in said
    assert "'ddbcfg-client status' shows which of them a daemon serves" in said


def test_wait_gives_up(host: Host) -> None:
    assert "systemctl start" in failed(host.client("wait", "--wait", "0.1"), 3)


def test_watch_prints_a_line_for_each_generation_and_no_value(
    publish: Publish, start: Callable[..., Client]
) -> None:
    publish({"a": {"k": SECRET}, "b": {"k": 1}})
    client = start("watch")
    assert client.line() == "generation 1: 2 options"
    publish({"a": {"k": SECRET + "!"}, "c": {"k": 1}})
    assert client.line() == "generation 2: changed a; added c; removed b"
    publish({"a": {"k": SECRET + "!"}, "c": {"k": 2}})
    assert client.line() == "generation 3: changed c"
    assert client.end(signal.SIGINT) == (130, "")


def test_watch_prints_an_option_when_it_changes_and_only_then(
    publish: Publish, start: Callable[..., Client]
) -> None:
    publish({"a": {"k": 1}, "b": {"k": 1}})
    client = start("watch", "a")
    assert client.line() == '{"k": 1}'
    publish({"a": {"k": 1}, "b": {"k": 2}})
    publish({"a": {"k": 2}, "b": {"k": 2}})
    assert client.line() == '{"k": 2}'
    publish({"b": {"k": 2}})
    assert client.line() == "null"
    assert client.end(signal.SIGINT) == (130, "")


def test_watch_compares_what_the_segment_has_no_names_of(
    publish: Publish, start: Callable[..., Client]
) -> None:
    publish({"a": {"k": 1}})
    client = start("watch")
    assert client.line() == "generation 1: 1 option"
    names = [f"option-{number:04}" for number in range(2001)]
    publish({name: {"k": 1} for name in names})
    assert client.line() == f"generation 2: added {', '.join(names)}; removed a"
    assert client.end(signal.SIGINT) == (130, "")


def test_watch_ends_when_the_snapshot_is_too_old(
    publish: Publish, start: Callable[..., Client]
) -> None:
    publish({"a": {"k": 1}})
    client = start("watch", "--max-age", "2")
    assert client.line() == "generation 1: 1 option"
    code, said = client.end()
    assert (code, "more than the 2 s allowed" in said) == (4, True)


def test_wait_is_woken_if_the_daemon_has_not_read_yet(
    host: Host, start: Callable[..., Client]
) -> None:
    with serving(host.names()) as served:
        client = start("wait")
        wait_until(lambda: "anon_inode:inotify" in descriptors(client.process.pid).values())
        served.publisher.publish(reading(STORE))
        assert client.line() == "generation 1"
    assert client.end() == (0, "")
