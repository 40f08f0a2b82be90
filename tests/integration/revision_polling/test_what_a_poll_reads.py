"""A daemon that follows a store's revision: how little it reads, and what it tells (G11, G12)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from ddbcfg_client.dynamodb.revision.syncing import Found, sync
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER
from ddbcfg_daemon.guards import GuardRefused, ShrinkGuard
from ddbcfg_daemon.sources import revision as module
from ddbcfg_daemon.sources import store_reads
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revision_following import NEW, START, set_
from support.revision_polling import FULL, Host, edit
from support.revisions import RevisedStore, noise, packed


def test_the_first_poll_reads_the_store_and_tells_its_revision(host: Host) -> None:
    page = host.page
    revision = host.revised.revision()
    assert (page.revision, page.epoch, page.table_revision) == (1, revision.epoch, 1)
    assert (page.how, page.note, page.full_polls) == ("query", "", 1)
    assert page.doubt_since == NEVER


def test_a_poll_that_finds_nothing_reads_one_item_and_renews_the_age(host: Host) -> None:
    before, published = host.page, host.publisher.options
    for _ in range(3):
        assert host.poll() == ["revision"]
    after = host.page
    assert after.success > before.success
    assert (after.polls, after.full_polls, after.full_read) == (4, 1, before.full_read)
    assert (after.generation, after.how) == (1, "query")
    assert host.publisher.options == published


def test_with_consistent_reads_all_of_them_are(
    revised: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    revised.begin(START)
    host = Host(revised, proxy, names, consistent=True)
    assert host.poll() == ["check", "REVISION", "STORE"]
    assert host.poll() == ["REVISION"]
    host.stop()


def test_a_change_is_taken_from_the_log(host: Host) -> None:
    kept = dict(host.publisher.options or {})
    set_(host.revised, o1=NEW, o3=None, added=NEW)
    assert host.poll() == ["revision"]
    assert host.options == host.revised.content()
    assert (host.page.generation, host.page.revision, host.page.how) == (2, 2, "log")
    assert (host.about.revision, host.about.epoch) == (2, host.page.epoch)
    published = host.publisher.options or {}
    assert all(published[name] is kept[name] for name in ("o0", "o2", "o9"))
    assert host.refresher.changes == {"query": 1, "log": 1}


def test_a_change_that_the_log_has_no_room_for_is_taken_from_the_change_items(host: Host) -> None:
    set_(host.revised, o1=packed("o", b=noise(1, 5000)))
    assert host.poll() == ["revision", "changes"]
    assert host.options == host.revised.content()
    assert (host.page.revision, host.page.how) == (2, "change items")


def test_change_items_may_be_forbidden(host: Host, proxy: FaultProxy) -> None:
    set_(host.revised, o1=packed("o", b=noise(1, 5000)))
    proxy.fail(faults.DENIED, "Query", times=2)
    assert host.poll() == ["revision", "changes", "changes", "store"]
    assert (host.failure, host.options, host.clients) == (None, host.revised.content(), 1)


# --- the whole store -----------------------------------------------------------------------------


def test_the_store_is_read_in_full_at_each_full_interval(host: Host) -> None:
    assert host.poll(FULL * 0.89) == ["revision"]
    before = host.page.full_read
    assert host.poll(FULL * 0.22) == ["revision", "store"]
    assert host.page.full_read > before
    assert host.poll(FULL * 0.89) == ["revision"]


def test_root_can_have_it_read_in_full_and_a_reader_cannot(host: Host) -> None:
    host.refresher._requests.ask()
    assert host.poll(1.0, scheduled=False) == ["revision"]
    host.refresher._requests.ask(full=True)
    assert host.poll(1.0, scheduled=False) == ["revision", "store"]
    assert host.refresher.nudge()  # SIGHUP
    assert host.poll(1.0, scheduled=False) == ["revision", "store"]


def test_a_full_reading_keeps_the_objects_that_are_published(host: Host) -> None:
    set_(host.revised, o1=NEW, added=NEW)
    host.poll()
    published = dict(host.publisher.options or {})
    assert host.poll(FULL * 1.2) == ["revision", "store"]
    options = host.refresher._publication.options or {}
    assert all(options[name] is keys for name, keys in published.items())


def test_what_no_revision_explains_is_published_in_doubt_and_read_again(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    edit(host.revised, "o1", text={"S": "edited"})
    assert host.poll() == ["revision"]
    assert host.poll(FULL * 1.2) == ["revision", "store", "STORE", "REVISION", "STORE", "REVISION"]
    assert host.slept == [2.0]
    assert host.options == host.revised.content()
    page = host.page
    assert (page.how, page.doubts) == ("in doubt", 1)
    assert host.about.revision == 0  # the table has no revision of it
    assert page.doubt_since > 1.7e18
    assert "a writer without revisions" in page.note
    assert "in doubt: a writer without revisions" in host.refresher.summary
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert any("in doubt" in text and "changed o1" in text for text in warned)
    # After ten seconds, a minute and each full interval, and consistently at once.
    strongly = ["revision", "STORE", "REVISION", "STORE", "REVISION"]
    for pause in (10.0, 60.0):
        assert host.refresher._pace.again_at is not None
        assert host.poll(pause - 1, scheduled=False) == ["revision"]
        assert host.page.doubt_since == page.doubt_since
        assert host.poll(1.0, scheduled=False) == strongly
    assert host.refresher._pace.again_at is None
    assert host.poll(FULL * 0.89) == ["revision"]
    assert host.poll(FULL * 0.22) == strongly
    assert host.page.doubts == 4
    # A scribe's revision ends it, and then the next full reading is not in a hurry.
    assert sync(host.revised.access(), None, by="scribe").found is Found.REVISED
    assert host.poll() == ["revision"]
    assert (host.page.doubt_since, host.page.revision, host.page.note) == (NEVER, 2, "")
    assert host.poll(FULL * 0.89) == ["revision"]


def test_a_revision_that_ends_a_doubt_ends_its_readings(host: Host) -> None:
    edit(host.revised, "o1", text={"S": "edited"})
    host.poll(FULL * 1.2)
    assert host.page.doubts == 1
    assert sync(host.revised.access(), None, by="scribe").found is Found.REVISED
    assert host.poll(5.0) == ["revision"]
    assert host.page.doubt_since == NEVER
    assert host.poll(FULL * 0.9) == ["revision"]


def test_a_fleet_shares_the_readings_after_a_change(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_(host.revised, o1=NEW)
    host.poll()
    monkeypatch.setattr(module.random, "uniform", lambda low, high: high)
    for number in range(9):
        set_(host.revised, o1=packed("o", b=noise(number, 3000)))
    fleet = replace(host.revised.revision(), fleet=1_000_000)
    host.revised.put_revision(item_of(host.revised.place, fleet))
    served, before = dict(host.options), host.page
    host.source._state = replace(host.source._state, units=0.5)
    assert host.poll() == ["revision"]
    # Its age goes on growing: what is served is not what the table has.
    page = host.page
    assert (page.success, page.generation) == (before.success, before.generation)
    assert (page.revision, page.table_revision, page.failures) == (2, 11, 0)
    assert "revision 11 is read in 148 s, as one of 1000000 hosts" in page.note
    assert host.options == served
    # Who asked for it is told that it is not there yet.
    outcome = host.refresher._requests.outcome_after(0)
    assert outcome is not None
    assert (outcome.published, outcome.error) == (False, "")
    assert "not published yet: revision 11 is read in 148 s" in outcome.held
    assert host.refresher._pace.again_at is not None
    assert host.poll(147.0) == ["revision"]
    assert host.poll(1.5, scheduled=False) == ["revision", "store"]
    assert (host.page.revision, host.page.note) == (11, "")
    assert host.options == host.revised.content()


def test_a_query_that_is_throttled_keeps_its_place(
    host: Host, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_reads, "ITEMS_A_PAGE", 2)
    proxy.fail(faults.THROTTLED, "Query", after=2, times=2)
    host.refresher.nudge()
    assert host.poll().count("store") == 5 + 2
    assert (host.failure, host.options) == (None, START)
    assert len(host.slept) == 2


# --- what a poll is for the others ---------------------------------------------------------------


def test_a_poll_that_finds_nothing_counts_for_the_guards(
    revised: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    many = {f"o{number}": packed("o", n=number) for number in range(20)}
    revised.begin(many)
    host = Host(revised, proxy, names, guards=[ShrinkGuard()])
    host.poll()
    set_(revised, **dict.fromkeys(list(many)[:15]))
    assert host.poll() == ["revision"]
    assert isinstance(host.failure, GuardRefused)
    page = host.page
    assert (page.revision, page.table_revision, page.generation) == (1, 2, 1)
    # What was read is known, though a guard holds it.  A reader's request is no scheduled poll.
    assert host.poll(1.0, scheduled=False) == ["revision"]
    assert host.poll() == ["revision"]
    assert isinstance(host.failure, GuardRefused)
    assert host.page.success > page.success
    assert host.poll() == ["revision"]
    assert (host.failure, host.page.revision, host.options) == (None, 2, revised.content())
    # It was found when the guard first held it.
    assert (host.page.how, host.refresher.changes["log"]) == ("log", 1)
    host.stop()


def test_a_poll_that_confirms_nothing_counts_for_no_guard(
    revised: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    many = {f"o{number}": packed("o", n=number) for number in range(20)}
    revised.begin(many)
    host = Host(revised, proxy, names, guards=[ShrinkGuard()])
    host.poll()
    set_(revised, **dict.fromkeys(list(many)[:15]))
    host.poll()
    assert isinstance(host.failure, GuardRefused)
    for number in range(9):
        set_(revised, o19=packed("o", b=noise(number, 3000)))
    fleet = replace(revised.revision(), fleet=1_000_000)
    revised.put_revision(item_of(revised.place, fleet))
    for _ in range(3):
        assert host.poll(1.0) == ["revision"]
        assert "is read in" in host.page.note
    assert (host.page.generation, host.options) == (1, many)
    assert host.page.held
    host.stop()


def test_an_operator_can_accept_it_without_another_reading(
    revised: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    many = {f"o{number}": packed("o", n=number) for number in range(20)}
    revised.begin(many)
    guard = ShrinkGuard()
    host = Host(revised, proxy, names, guards=[guard])
    host.poll()
    set_(revised, **dict.fromkeys(many))
    host.poll()
    assert isinstance(host.failure, GuardRefused)
    host.refresher._requests.ask(accept=True)
    assert host.poll() == ["revision"]
    assert (host.failure, host.options) == (None, {})
    # The guard looks at the next poll as it would at any.
    set_(revised, **many)
    host.poll()
    assert (host.failure, host.options) == (None, many)
    host.stop()


def test_while_an_import_is_under_way_the_age_does_not_grow(host: Host) -> None:
    pending = replace(host.revised.revision(), pending=Pending("t", "arn:me"))
    host.revised.put_revision(item_of(host.revised.place, pending))
    edit(host.revised, "o1", text={"S": "half"})
    before = host.page
    assert host.poll(FULL * 1.2) == ["revision", "store", "STORE", "REVISION"]
    assert host.page.success > before.success
    assert "an import by arn:me is under way" in host.page.note
    assert host.options == START
    # In vain: it is not tried at each poll.
    assert host.poll(30.0) == ["revision"]
    assert len(host.poll(31.0)) == 4


def test_a_host_that_an_import_keeps_behind_does_not_read_the_store_at_each_poll(
    host: Host,
) -> None:
    """A reader can ask for a poll each second, and each would be three readings."""
    set_(host.revised, o1=NEW)
    after = replace(host.revised.revision(), rev=20, base=20, log=b"")
    pending = replace(after, pending=Pending("t", "arn:me"))
    host.revised.put_revision(item_of(host.revised.place, pending))
    edit(host.revised, "o2", text={"S": "half"})
    assert host.poll() == ["revision", "store", "STORE", "REVISION"]
    for beat in range(3):
        renewed = replace(pending, pending=Pending("t", "arn:me", beat=beat))
        host.revised.put_revision(item_of(host.revised.place, renewed))
        assert host.poll(1.0, scheduled=False) == ["revision"]
        assert (host.page.note, host.page.revision) == ("an import by arn:me is under way", 1)
    # Once a minute it is read, and at once when the import has ended.
    assert len(host.poll(60.0)) == 4
    edit(host.revised, "o2", n={"N": "2"})
    host.revised.put_revision(item_of(host.revised.place, replace(after, digest=digest(host))))
    assert host.poll(1.0) == ["revision", "store"]
    assert (host.options, host.page.note) == (host.revised.content(), "")


def digest(host: Host) -> bytes:
    return digest_of(total_of(host.revised.content()))


def test_a_host_that_has_nothing_waits_for_an_import_and_serves_a_dead_one_in_doubt(
    revised: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    revised.begin(START)
    pending = replace(revised.revision(), pending=Pending("t", "arn:me"))
    revised.put_revision(item_of(revised.place, pending))
    edit(revised, "o1", text={"S": "half"})
    host = Host(revised, proxy, names)
    host.poll()
    assert type(host.failure).__name__ == "ImportPending"
    assert "arn:me" in host.page.error
    host.poll(59.0)
    assert host.publisher.generation == 0
    host.poll(2.0)
    assert (host.failure, host.page.how, host.options) == (None, "in doubt", revised.content())
    host.stop()
