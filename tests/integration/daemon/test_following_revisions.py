"""A whole daemon that follows a store's revision, as its operator sees it (G7, G12)."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from support.daemon import SECRET, Host
from support.fault_proxy import FaultProxy
from support.revision_polling import asked, edit
from support.revisions import RevisedStore, packed
from support.whole_daemons import NEVER

START = {f"o{number}": packed("o", n=number, host=SECRET) for number in range(20)}


@pytest.fixture
def flags(revised: RevisedStore, proxy: FaultProxy) -> list[str]:
    """A daemon's, which polls the store by request only."""
    revised.begin(START)
    table = revised.place.table
    return ["--table", table, "--store", "prod", "--endpoint-url", proxy.url, "--interval", NEVER]


@pytest.fixture
def requests(proxy: FaultProxy) -> Callable[[], list[str]]:
    """What has been asked for since the last call."""

    def since() -> list[str]:
        found = [asked(one.body, one.operation) for one in proxy.requests if _reads(one)]
        proxy.reset()
        return found

    return since


def _reads(one: Any) -> bool:
    return one.operation in ("GetItem", "Query", "DescribeTable")


def status_of(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.client("status", "--json").stdout)
    return found


def test_a_reader_has_the_revision_looked_at_and_root_the_whole_store(
    host: Host, revised: RevisedStore, flags: list[str], requests: Callable[[], list[str]]
) -> None:
    requests()
    daemon = host.daemon(*flags)
    daemon.wait_for("generation 1")
    host.wait_for_status(lambda status: status.polls == 1)
    assert requests() == ["check", "REVISION", "store"]
    assert host.client("reload").returncode == 0
    assert requests() == ["revision"]
    write_change(revised.access(), Change({"o1": packed("o", host="new")}, "me"))
    requests()
    assert host.client("reload").stdout == "generation 2\n"
    assert requests() == ["revision"]
    line = daemon.wait_for("generation 2")
    assert line.endswith(", revision 2; changed o1")
    status = status_of(host)
    assert (status["revision"], status["table_revision"], status["change_by"]) == (2, 2, "log")
    assert status["full_polls"] == 1
    # What the console writes is found by a full reading only.
    edit(revised, "o2", host={"S": SECRET + "!"})
    assert host.client("reload").stdout == "generation 2\n"
    requests()
    assert host.client("reload", "--full").stdout == "generation 3\n"
    assert requests()[:2] == ["revision", "store"]
    assert "changed o2" in daemon.wait_for("in doubt: ")
    said = host.client("status").stdout
    assert "in doubt:" in said
    assert "the last change was found in doubt" in said
    daemon.send(signal.SIGHUP)
    # It is in doubt already, so it is read consistently at once.
    host.wait_for_status(lambda status: status.doubts == 2)
    assert daemon.stop() == 0
    assert SECRET not in daemon.output


def test_a_daemon_that_is_to_follow_none_reads_the_store(
    host: Host, flags: list[str], requests: Callable[[], list[str]]
) -> None:
    requests()
    host.daemon(*flags, "--use-revision", "off").wait_for("generation 1")
    host.wait_for_status(lambda status: status.polls == 1)
    assert requests() == ["check", "STORE"]
    assert host.client("reload").returncode == 0
    assert requests() == ["store"]
    status = status_of(host)
    assert (status["revision"], status["revision_note"]) == (0, None)
    assert "revision:" not in host.client("status").stdout


def test_once_publishes_by_the_revision(
    host: Host, revised: RevisedStore, flags: list[str], requests: Callable[[], list[str]]
) -> None:
    requests()
    for expected in (["check", "REVISION", "store"], ["check", "revision"]):
        daemon = host.daemon(*flags, "--once")
        assert daemon.wait() == 0, daemon.output
        assert requests() == expected
    assert status_of(host)["revision"] == 1
