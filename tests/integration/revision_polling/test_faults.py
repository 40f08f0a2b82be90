"""Bad revisions, restored tables, replicas that lag: what is published was the store's (G11)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.revision.enabling import disable
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, item_of, with_log
from ddbcfg_client.dynamodb.revision.place import change_option
from ddbcfg_client.errors import CredentialsRefused, StoreUnsettled, TableThrottled
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk import moment
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revision_following import NEW, START, set_
from support.revision_polling import FULL, Host, edit, instead
from support.revisions import RevisedStore, noise, packed

Item = dict[str, Any]


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]


# --- revision items that are not followed --------------------------------------------------------

NOT_FOLLOWED = {
    "newer": lambda item: {**item, "format": {"N": "2"}},
    "damaged": lambda item: {**item, "rev": {"S": "x"}},
    "no digest": lambda item: {name: item[name] for name in item if name != "digest"},
    "no epoch": lambda item: {**item, "epoch": {"S": ""}},
    "too high": lambda item: {**item, "rev": {"N": str(2**63)}},
}
SAID = dict.fromkeys(NOT_FOLLOWED, "repair") | {"newer": "upgrade"}


@pytest.mark.parametrize("kind", NOT_FOLLOWED)
def test_a_revision_that_cannot_be_followed_costs_full_polls_until_it_can(
    host: Host, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    good = item_of(host.revised.place, host.revised.revision())
    edit(host.revised, "o1", text={"S": "edited"})
    host.revised.put_revision(NOT_FOLLOWED[kind](good))
    # No replica alone is believed that there is nothing to follow.
    assert host.poll() == ["revision", "REVISION", "STORE"]
    assert (host.failure, host.options) == (None, host.revised.content())
    page = host.page
    assert (page.how, page.revision, page.table_revision) == ("no revision", 0, 0)
    assert SAID[kind] in page.note
    for _ in range(3):
        assert host.poll() == ["store"]
    [warning] = warnings_in(caplog)
    assert "each poll reads the whole store" in warning
    assert SAID[kind] in warning
    # It is looked for again once in a full interval, and on request.
    assert host.poll(FULL * 1.2)[0] == "REVISION"
    assert len(warnings_in(caplog)) == 1
    edit(host.revised, "o1", **_attributes(START["o1"]))
    host.revised.put_revision(good)
    assert host.poll() == ["store", "STORE"]
    host.refresher.nudge()
    assert host.poll() == ["REVISION", "store"]
    assert (host.page.revision, host.page.note) == (1, "")
    assert host.poll() == ["revision"]


def _attributes(keys: bytes) -> Item:
    from ddbcfg_client.dynamodb.revision.content import attributes_of_packed

    return attributes_of_packed(keys)


def test_a_revision_that_is_deleted(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    disable(host.revised.access())
    edit(host.revised, "o1", text={"S": "edited"})
    assert host.poll() == ["revision", "REVISION", "STORE"]
    assert host.options == host.revised.content()
    assert "no revision item" in warnings_in(caplog)[0]


def test_what_was_read_before_there_was_a_revision_is_not_believed_after_it(
    revised: RevisedStore, proxy: FaultProxy, names: Names
) -> None:
    edit(revised, "o1", text={"S": "first"})
    host = Host(revised, proxy, names)
    assert host.poll() == ["check", "REVISION", "STORE"]
    revised.begin(revised.content())
    host.refresher.nudge()
    assert host.poll() == ["REVISION", "store"]
    set_(revised, o1=NEW)
    assert host.poll() == ["revision"]
    disable(revised.access())
    # A replica may still have what was read first, and would seem to confirm it.
    assert host.poll() == ["revision", "REVISION", "STORE"]
    assert host.options == revised.content()
    host.stop()


def test_a_replica_without_the_item_yet_is_not_believed(host: Host, proxy: FaultProxy) -> None:
    proxy.fail(instead(None), "GetItem", times=1)
    assert host.poll() == ["revision", "REVISION"]
    assert (host.failure, host.page.table_revision) == (None, 1)


def test_a_store_without_revisions_is_asked_for_one_as_rarely_as_it_is_read_in_full(
    revised: RevisedStore, proxy: FaultProxy, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    edit(revised, "db", host={"S": "h"})
    host = Host(revised, proxy, names)
    assert host.poll() == ["check", "REVISION", "STORE"]
    for _ in range(3):
        assert host.poll() == ["store"]
    assert host.poll(FULL * 1.2) == ["REVISION", "store"]
    assert warnings_in(caplog) == []
    # While the first revision is being made, each poll looks for it.  That is no warning either.
    marked = Revision("e", 0, None, pending=Pending("t", "me"))
    revised.put_revision(item_of(revised.place, marked))
    assert host.poll(FULL * 1.2) == ["REVISION", "store"]
    assert host.poll() == ["REVISION", "store"]
    revised.begin(revised.content())
    assert host.poll() == ["REVISION", "store"]
    assert host.page.revision == 1
    assert warnings_in(caplog) == []
    host.stop()


def test_without_the_permission_polls_are_as_before_and_one_warning_names_it(
    host: Host, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.fail(faults.DENIED, "GetItem")
    edit(host.revised, "o1", text={"S": "edited"})
    assert host.poll() == ["revision", "STORE"]
    assert (host.failure, host.options) == (None, host.revised.content())
    assert host.poll() == ["store"]
    assert host.poll(FULL * 1.2) == ["REVISION", "store"]
    [warning] = warnings_in(caplog)
    assert "dynamodb:GetItem" in warning
    assert "_ddbcfg/prod" in warning
    assert "GetItem" in host.page.note
    # No other client would have it: the one there is stays.
    assert host.clients == 1


def test_expired_credentials_are_renewed_as_before(
    host: Host, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.sources.connection.GAP", 0.0)
    proxy.fail(faults.EXPIRED, "GetItem", times=1)
    host.poll()
    assert isinstance(host.failure, CredentialsRefused)
    assert host.poll() == ["revision"]
    assert (host.failure, host.clients) == (None, 2)


# --- revisions that are other ones ---------------------------------------------------------------


def test_a_restored_table_is_followed_back(host: Host) -> None:
    yesterday = item_of(host.revised.place, host.revised.revision())
    set_(host.revised, o1=NEW)
    host.poll()
    host.revised.put_revision(yesterday)
    edit(host.revised, "o1", **_attributes(START["o1"]))
    assert host.poll() == ["revision", "REVISION", "store"]
    assert (host.options, host.page.revision, host.page.generation) == (START, 1, 3)
    # And to the number that it was at already.
    set_(host.revised, o2=NEW)
    assert host.poll() == ["revision"]
    assert (host.options, host.page.revision) == (host.revised.content(), 2)


def test_a_restored_table_that_is_at_the_same_number_again(host: Host) -> None:
    yesterday = item_of(host.revised.place, host.revised.revision())
    set_(host.revised, o1=NEW)
    host.poll()
    host.revised.put_revision(yesterday)
    edit(host.revised, "o1", **_attributes(START["o1"]))
    set_(host.revised, o2=NEW)
    assert host.poll() == ["revision", "REVISION", "store"]
    assert (host.options, host.page.revision) == (host.revised.content(), 2)


def test_another_epoch_is_followed(host: Host) -> None:
    set_(host.revised, o1=NEW)
    other = replace(host.revised.revision(), epoch="another", rev=7)
    host.revised.put_revision(item_of(host.revised.place, other))
    assert host.poll() == ["revision", "REVISION", "store"]
    page = host.page
    assert (page.epoch, page.revision) == ("another", 7)
    assert host.options == host.revised.content()


def test_a_replica_that_lags_takes_nobody_back(host: Host, proxy: FaultProxy) -> None:
    yesterday = item_of(host.revised.place, host.revised.revision())
    set_(host.revised, o1=NEW)
    host.poll()
    proxy.fail(instead(yesterday), "GetItem", times=1)
    assert host.poll() == ["revision", "REVISION"]
    assert (host.page.generation, host.options) == (2, host.revised.content())
    # A daemon that has just started does not believe it either.
    host.stop()
    host.start()
    proxy.fail(instead(yesterday), "GetItem", times=1)
    assert host.poll() == ["check", "revision", "REVISION"]
    assert (host.page.generation, host.page.revision) == (2, 2)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off_changes_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    true = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true() + hours * 3600 * 10**9)
    at = f"20{30 + hours}-01-01T00:00:00.000+00:00"
    set_(host.revised, o1=NEW)
    item = item_of(host.revised.place, replace(host.revised.revision(), at=at))
    host.revised.put_revision(item)
    assert host.poll() == ["revision"]
    assert (host.options, host.page.revision) == (host.revised.content(), 2)
    assert moment.boottime() - host.page.success < 5 * 10**9


# --- what does not prove -------------------------------------------------------------------------


def test_a_log_that_does_not_prove_is_not_believed(host: Host) -> None:
    set_(host.revised, o1=NEW)
    true = host.revised.revision()
    false = with_log(host.revised.place, true, [(2, "o1", START["o2"])], 1)
    host.revised.put_revision(item_of(host.revised.place, false))
    assert host.poll() == ["revision", "changes"]
    assert (host.options, host.page.how) == (host.revised.content(), "change items")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: None,
        lambda item: {**item, "z": {"B": b"damaged"}},
        lambda item: {**item, "epoch": {"S": "another"}},
    ],
    ids=["missing", "damaged", "another epoch"],
)
def test_change_items_that_do_not_prove_are_not_believed(
    host: Host, spoil: Callable[[Item], Item | None]
) -> None:
    set_(host.revised, o1=packed("o", b=noise(1, 5000)))
    item = host.revised.access().change(2)
    assert item is not None
    place = host.revised.place
    key = {"_store": {"S": place.home}, "_option": {"S": change_option(2)}}
    host.revised.client.delete_item(TableName=place.table, Key=key)
    if spoiled := spoil(dict(item)):
        host.revised.put_revision(spoiled)
    assert host.poll() == ["revision", "changes", "changes", "store"]
    assert host.slept == [0.2]
    assert (host.options, host.page.how) == (host.revised.content(), "query")


def test_half_a_change_that_a_reading_has_is_not_published(host: Host, proxy: FaultProxy) -> None:
    before = host.revised.content()
    set_(host.revised, o1=NEW, o2=NEW)
    after = item_of(host.revised.place, replace(host.revised.revision(), base=2, log=b""))
    host.revised.put_revision(after)
    edit(host.revised, "o2", **_attributes(before["o2"]))
    place = host.revised.place
    key = {"_store": {"S": place.home}, "_option": {"S": change_option(2)}}
    host.revised.client.delete_item(TableName=place.table, Key=key)

    def rest_arrives(seconds: float) -> None:
        if seconds == 2.0:
            edit(host.revised, "o2", **_attributes(NEW))

    host.source._sleep = rest_arrives
    asked = host.poll()
    assert asked[-4:] == ["STORE", "REVISION", "STORE", "REVISION"]
    assert (host.page.how, host.options) == ("strong query", before | {"o1": NEW, "o2": NEW})


def test_a_store_that_never_stands_still_keeps_what_is_served(host: Host) -> None:
    edits = []

    def restless(seconds: float) -> None:
        edits.append(seconds)
        edit(host.revised, "o1", n={"N": str(1000 + len(edits))})

    host.source._sleep = restless
    restless(0)
    host.poll(FULL * 1.2)
    assert (host.failure, host.options) == (None, START)
    assert "changes from reading to reading" in host.page.note
    # The revision is still the one that is served.  It is tried again as rarely as in doubt.
    assert host.poll(9.0) == ["revision"]
    assert len(host.poll(1.0)) > 3
    assert host.poll(59.0) == ["revision"]
    host.stop()
    host.names = Names(host.names.namespace, "new")
    host.start()
    host.source._sleep = restless
    host.poll()
    assert isinstance(host.failure, StoreUnsettled)


def test_in_another_region_doubt_has_to_last_from_one_full_reading_to_the_next(host: Host) -> None:
    there = replace(host.revised.revision(), region="us-west-2")
    host.revised.put_revision(item_of(host.revised.place, there))
    edit(host.revised, "o1", text={"S": "edited"})
    host.poll(FULL * 1.2)
    assert (host.failure, host.options) == (None, START)
    assert "us-west-2" in host.page.note
    assert host.poll(5.0) == ["revision"]
    host.poll(5.0)
    assert (host.page.how, host.options) == ("in doubt", host.revised.content())


def test_a_throttled_poll_fails_and_what_was_known_is_still_known(
    host: Host, proxy: FaultProxy
) -> None:
    proxy.fail(faults.THROTTLED, "GetItem", times=1)
    set_(host.revised, o1=NEW)
    host.poll()
    assert isinstance(host.failure, TableThrottled)
    assert host.poll() == ["revision"]
    assert host.options == host.revised.content()


def test_a_full_reading_that_fails_does_not_keep_changes_away(
    host: Host, proxy: FaultProxy
) -> None:
    proxy.fail(faults.ERROR_500, "Query")
    assert host.poll(FULL * 1.2) == ["revision", "store"]
    assert host.failure is not None
    set_(host.revised, o1=NEW)
    assert host.poll(2.0) == ["revision"]
    assert (host.failure, host.options) == (None, START | {"o1": NEW})
    proxy.heal()
    assert host.poll(57.0) == ["revision"]
    assert host.poll(2.0) == ["revision", "store"]
    assert host.poll(FULL * 0.9) == ["revision"]


def test_what_a_failed_poll_consumed_is_counted_with_the_next(
    host: Host, proxy: FaultProxy
) -> None:
    before = host.page.half_units
    proxy.fail(faults.ERROR_500, "Query", times=1)
    host.refresher.nudge()
    assert host.poll() == ["revision", "store"]
    assert host.failure is not None
    host.poll()
    reads = host.revised.access()
    reads.revision(consistent=False)
    assert host.page.half_units - before == round(2 * 2 * reads.units)


def test_a_reading_that_was_overtaken_leaves_nothing_to_the_next(host: Host) -> None:
    """Its poll has timed out, and it ends when a later one has read something newer."""
    later: list[list[str]] = []

    def overtake() -> None:
        if not later:
            set_(host.revised, o1=NEW)
            later.append([])
            later[0] += host.poll()

    reading = host.source.read(overtake, full=True)
    assert later == [["revision"]]
    assert (reading.options, host.options) == (START, host.revised.content())
    known = host.source._state.known
    assert (known and known.rev) == 2
    assert host.poll() == ["revision"]
    assert (host.page.generation, host.page.revision) == (2, 2)
    assert host.options == host.revised.content()
