"""A daemon that starts goes on from what an earlier one left, if the revision proves it (G12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.disk import copy_format
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revision_following import NEW, START, set_
from support.revision_polling import FULL, Host, edit
from support.revisions import RevisedStore


def test_a_daemon_that_starts_again_goes_on_from_shared_memory(host: Host) -> None:
    set_(host.revised, o1=NEW)
    host.poll()
    host.stop()
    host.start()
    assert host.poll() == ["check", "revision"]
    assert (host.page.generation, host.page.revision, host.page.full_polls) == (2, 2, 0)
    assert host.options == host.revised.content()
    set_(host.revised, o2=NEW)
    assert host.poll() == ["revision"]
    assert (host.page.generation, host.options) == (3, host.revised.content())
    # Within a full interval, at any time: many daemons are upgraded together.
    assert host.poll(FULL) == ["revision", "store"]


def test_daemons_that_start_again_and_again_read_the_store_in_full_as_often_as_one(
    host: Host,
) -> None:
    """As ``--once`` does that a timer starts: no daemon lives to see a full interval."""
    edit(host.revised, "o1", text={"S": "edited"})
    for _ in range(2):
        host.stop()
        host.start()
        assert host.poll() == ["check", "revision"]
    host.stop()
    host.start()
    # The time of the last full reading is in the page.  This one was long ago.
    host.refresher.status.full_read = boottime() - round(FULL * 1e9)
    assert host.poll()[:3] == ["check", "revision", "store"]
    assert host.options == host.revised.content()


def test_a_store_of_which_no_full_reading_is_known_is_read_in_full_by_the_next_daemon(
    revised: RevisedStore, proxy: FaultProxy, names: Names, tmp_path: Path
) -> None:
    revised.begin(START)
    host = Host(revised, proxy, names, folder=tmp_path)
    host.poll()
    host.boot()
    assert host.poll() == ["check", "revision"]
    host.stop()
    host.start()
    assert host.poll() == ["check", "revision", "store"]
    host.stop()


def test_what_changed_while_no_daemon_ran_is_taken_from_the_log(host: Host) -> None:
    host.stop()
    set_(host.revised, o1=NEW)
    host.start()
    assert host.poll() == ["check", "revision"]
    assert (host.page.how, host.options) == ("log", host.revised.content())


def test_what_is_in_doubt_when_a_daemon_ends_is_read_by_the_next(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    edit(host.revised, "o1", text={"S": "edited"})
    host.poll(FULL * 1.2)
    host.stop()
    host.start()
    edit(host.revised, "o2", text={"S": "edited"})
    caplog.clear()
    assert "STORE" in host.poll()
    assert host.page.doubt_since != NEVER
    [warning] = [one for one in caplog.messages if "in doubt" in one]
    assert "; changed o2;" in warning


def test_after_a_boot_the_copy_on_disk_is_confirmed_by_half_a_unit(
    revised: RevisedStore, proxy: FaultProxy, names: Names, tmp_path: Path
) -> None:
    revised.begin(START)
    host = Host(revised, proxy, names, folder=tmp_path)
    host.poll()
    set_(revised, o1=NEW)
    host.poll()
    host.boot()
    assert host.poll() == ["check", "revision"]
    page = host.page
    assert (page.source, page.revision, page.generation) == ("dynamodb", 2, 3)
    assert host.options == revised.content()
    # And when the table is away first, it is served, and confirmed later.
    host.boot()
    proxy.fail(faults.ERROR_500)
    host.poll()
    assert (host.page.source, host.page.revision) == ("disk", 2)
    proxy.heal()
    set_(revised, o2=NEW)
    assert host.poll() == ["check", "revision"]
    assert (host.page.source, host.page.revision) == ("dynamodb", 3)
    assert host.options == revised.content()
    host.stop()


@pytest.mark.parametrize("head", [{}, {"revision": "2", "epoch": "e"}, {"revision": 2}], ids=str)
def test_a_copy_without_a_revision_is_read_anew(
    revised: RevisedStore,
    proxy: FaultProxy,
    names: Names,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    head: dict[str, Any],
) -> None:
    revised.begin(START)
    host = Host(revised, proxy, names, folder=tmp_path)
    host.poll()
    understood = copy_format._provenance_in
    monkeypatch.setattr(copy_format, "_provenance_in", lambda _: understood(head))
    host.boot()
    assert host.poll() == ["check", "REVISION", "store"]
    assert host.options == START
    host.stop()
