"""The reading side against a table: how little is read, and what is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision.access import Item
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.enabling import Settings, disable, enable
from ddbcfg_client.dynamodb.revision.following import (
    Followed,
    How,
    Known,
    follow,
    longest_delay,
    pause_in_doubt,
)
from ddbcfg_client.dynamodb.revision.importing import write
from ddbcfg_client.dynamodb.revision.item import LARGEST, Pending, Revision, item_of, with_log
from ddbcfg_client.dynamodb.revision.place import change_option
from ddbcfg_client.dynamodb.revision.syncing import Found, sync
from ddbcfg_client.dynamodb.revision.table_reads import TableReads
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import TableThrottled
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revisions import RevisedStore, TimedAccess, noise, packed

START = {f"o{number}": packed("o", n=number) for number in range(10)}
NEW = packed("o", text="new")


@pytest.fixture
def known(revised: RevisedStore, proxy: FaultProxy) -> Known:
    """What a host knows of a store at its first revision."""
    revised.begin(START)
    found = follow(revised.access(), None)
    assert (found.how, found.known and found.known.options) == (How.QUERY, START)
    proxy.reset()
    assert found.known is not None
    return found.known


def operations(proxy: FaultProxy) -> list[str]:
    return [request.operation for request in proxy.requests]


def put(revised: RevisedStore, option: str, **attributes: Any) -> None:
    """What a writer does that does not know the protocol."""
    keys = {"_store": {"S": "prod"}, "_option": {"S": option}}
    revised.client.put_item(TableName=revised.place.table, Item={**attributes, **keys})


def set_(revised: RevisedStore, **options: bytes | None) -> int:
    written = write_change(revised.access(), Change(options, "me"))
    assert written is not None
    return written.rev


# --- how much is read ----------------------------------------------------------------------------


def test_a_poll_that_finds_nothing_reads_one_item(
    revised: RevisedStore, known: Known, proxy: FaultProxy
) -> None:
    found = follow(revised.access(), known)
    assert (found.how, found.known) == (How.SAME, known)
    assert [request.body["ConsistentRead"] for request in proxy.requests] == [False]


def test_a_change_in_the_log_is_read_with_it(
    revised: RevisedStore, known: Known, proxy: FaultProxy
) -> None:
    set_(revised, o1=NEW, o2=None, new=NEW)
    set_(revised, o1=None)
    proxy.reset()
    found = follow(revised.access(), known)
    assert operations(proxy) == ["GetItem"]
    assert found.how is How.LOG
    assert found.known is not None
    assert found.known.options == revised.content()
    assert (found.known.rev, found.known.proved) == (3, True)
    unchanged = [name for name in START if name not in ("o1", "o2")]
    assert all(found.known.options[name] is known.options[name] for name in unchanged)


def test_what_the_log_has_no_room_for_is_read_from_the_change_items(
    revised: RevisedStore, known: Known, proxy: FaultProxy
) -> None:
    for number in range(8):
        set_(revised, o1=packed("o", b=noise(number, 3000)))
    proxy.reset()
    found = follow(revised.access(), known)
    assert found.how is How.CHANGES
    assert operations(proxy) == ["GetItem", "Query"]
    assert found.known is not None
    assert found.known.options == revised.content()


def test_change_items_that_a_replica_does_not_have_yet_are_asked_for_again(
    revised: RevisedStore, known: Known
) -> None:
    set_(revised, o1=packed("o", b=noise(1, 5000)))

    class Lagging(TimedAccess):
        def changes(self, first: int, last: int) -> Sequence[Item]:
            return super().changes(first, last) if self.waited else ()

    access = Lagging(revised.table)
    assert follow(access, known).how is How.CHANGES
    assert access.waited == [0.2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: None,
        lambda item: {**item, "z": {"B": b"damaged"}},
        lambda item: {**item, "format": {"N": "2"}},
        lambda item: {**item, "epoch": {"S": "another"}},
        lambda item: {**item, "gap": {"BOOL": True}},
    ],
    ids=["missing", "damaged", "newer", "another epoch", "a gap"],
)
def test_change_items_that_do_not_prove_are_not_believed(
    revised: RevisedStore, known: Known, spoil: Callable[[Item], Item | None]
) -> None:
    set_(revised, o1=packed("o", b=noise(1, 5000)))
    item = revised.access().change(2)
    assert item is not None
    key = {"_store": {"S": revised.place.home}, "_option": {"S": change_option(2)}}
    revised.client.delete_item(TableName=revised.place.table, Key=key)
    if spoiled := spoil(item):
        revised.put_revision(spoiled)
    found = follow(revised.access(), known)
    assert found.how is How.QUERY
    assert found.known is not None
    assert found.known.options == revised.content()


def test_far_behind_the_store_is_read(revised: RevisedStore, known: Known) -> None:
    for number in range(9):
        set_(revised, o1=packed("o", b=noise(number, 3000)))
    assert follow(revised.access(), known).how is How.QUERY


def test_a_log_that_does_not_prove_is_not_believed(revised: RevisedStore, known: Known) -> None:
    set_(revised, o1=NEW)
    true = revised.revision()
    for log in (b"damaged", with_log(revised.place, true, [(2, "o1", b"\x80")], 1).log, b""):
        revised.put_revision(item_of(revised.place, replace(true, log=log)))
        found = follow(revised.access(), known)
        assert found.how is How.CHANGES
        assert found.known is not None
        assert found.known.options == revised.content()


def test_a_full_poll_reads_the_store(revised: RevisedStore, known: Known) -> None:
    found = follow(revised.access(), known, full=True)
    assert (found.how, found.known) == (How.QUERY, known)


@pytest.mark.parametrize("options", [1, 3000])
def test_read_units_of_an_idle_poll_do_not_depend_on_the_store(
    emulator_url: str, emulator_name: str, table_name: str, options: int
) -> None:
    """Dynalite counts units as the service does; moto does not."""
    if emulator_name != "dynalite":
        pytest.skip("moto's capacity units are not the service's")
    client = connect_dynamodb(endpoint_url=emulator_url)
    try:
        ensure_table(Table(client, table_name))
        store = RevisedStore(client, table_name)
        content = {f"o{number}": packed("o", n=number, text="x" * 80) for number in range(options)}
        revision = store.begin({"o0": content["o0"]})
        _fill(client, table_name, content)
        total = total_of(content)
        log = [(rev, "o0", noise(rev, 100)) for rev in range(2, 60)]
        revision = replace(revision, rev=59, digest=digest_of(total), by="b" * 256)
        revision = with_log(store.place, revision, log, 1)
        assert len(revision.log) > LARGEST - 1000
        store.put_revision(item_of(store.place, revision))
        known = follow(store.access(), None).known
        idle = store.access()
        assert follow(idle, known).how is How.SAME
        assert idle.units == 0.5
        behind = replace(known, rev=58, digest=bytes(32))  # type: ignore[type-var]
        behind_by_one = store.access()
        assert follow(behind_by_one, behind).how is How.LOG
        assert behind_by_one.units == 0.5
        full = store.access()
        assert follow(full, known, full=True).how is How.QUERY
        assert (full.units > 20) == (options > 1)
    finally:
        client.close()


def _fill(client: Any, table: str, content: dict[str, bytes]) -> None:
    from ddbcfg_client.dynamodb.revision.content import attributes_of_packed

    names = list(content)
    for at in range(0, len(names), 25):
        requests: Any = [
            {
                "PutRequest": {
                    "Item": {
                        **attributes_of_packed(content[name]),
                        "_store": {"S": "prod"},
                        "_option": {"S": name},
                    }
                }
            }
            for name in names[at : at + 25]
        ]
        client.batch_write_item(RequestItems={table: requests})


# --- what is not there, or not understood --------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"format": {"N": "2"}},
        {"rev": {"S": "x"}},
        {"digest": {"B": b""}},
        {"pending": {"L": []}},
        {"epoch": {"S": ""}},
    ],
    ids=str,
)
def test_a_revision_that_is_not_understood_is_none(
    revised: RevisedStore, known: Known, fields: dict[str, Any]
) -> None:
    revised.begin(START, **fields)
    found = follow(revised.access(), known)
    assert (found.how, found.known) == (How.PLAIN, None)
    assert found.reason


def test_a_revision_that_is_gone(revised: RevisedStore, known: Known) -> None:
    disable(revised.access())
    assert follow(revised.access(), known).how is How.PLAIN


def test_a_first_revision_that_is_being_made(revised: RevisedStore) -> None:
    marked = Revision("e", 0, None, pending=Pending("t", "me"))
    revised.put_revision(item_of(revised.place, marked))
    assert follow(revised.access(), None).how is How.PLAIN


def test_a_store_enabled_again_goes_on_above_its_change_items(
    revised: RevisedStore, known: Known
) -> None:
    set_(revised, o1=NEW)
    assert disable(revised.access()) == 2
    made = enable(revised.access(), Settings(), by="me")
    assert made.rev == 3
    assert made.epoch != known.epoch
    found = follow(revised.access(), known)
    assert found.how is How.QUERY
    assert found.known is not None
    assert (found.known.epoch, found.known.rev) == (made.epoch, 3)
    assert found.known.options == revised.content()


# --- a restored table, and replicas --------------------------------------------------------------


def test_a_restored_table_is_followed_back(revised: RevisedStore, known: Known) -> None:
    yesterday = item_of(revised.place, revised.revision())
    set_(revised, o1=NEW)
    lost = follow(revised.access(), known).known
    assert lost is not None
    revised.put_revision(yesterday)
    put(revised, "o1", n={"N": "1"})
    assert follow(revised.access(), lost).known == known
    # And when it goes on from there, to the number that the host has already.
    set_(revised, o2=None)
    found = follow(revised.access(), lost)
    assert found.known is not None
    assert (found.known.rev, found.known.options) == (2, revised.content())


def test_a_replica_that_lags_is_not_followed_back(revised: RevisedStore, known: Known) -> None:
    yesterday = item_of(revised.place, revised.revision())
    set_(revised, o1=NEW)
    newer = follow(revised.access(), known).known

    class Lagging(TimedAccess):
        def revision(self, *, consistent: bool) -> Item | None:
            return super().revision(consistent=True) if consistent else yesterday

    found = follow(Lagging(revised.table), newer)
    assert (found.how, found.known) == (How.SAME, newer)
    # What was served before this process began may be newer than what a replica has, too.
    first = follow(Lagging(revised.table), None)
    assert first.known == newer


# --- changes behind the protocol's back ----------------------------------------------------------


def test_what_another_writer_changed_is_found_in_doubt_until_a_scribe_comes(
    revised: RevisedStore, known: Known
) -> None:
    put(revised, "o1", text={"S": "edited"})
    assert follow(revised.access(), known).how is How.SAME
    access = revised.access()
    found = follow(access, known, full=True)
    assert found.how is How.DOUBT
    assert found.known is not None
    assert found.known.options == revised.content()
    assert not found.known.proved
    assert access.waited == [2.0]
    # From here on it is what the store is known to be.
    assert follow(revised.access(), found.known).how is How.SAME
    synced = sync(revised.access(), known, by="scribe")
    assert (synced.found, synced.names) == (Found.REVISED, ("o1",))
    assert synced.known is not None
    after = follow(revised.access(), found.known)
    assert (after.how, after.known) == (How.LOG, synced.known)
    assert follow(revised.access(), known).known == synced.known


def test_in_another_region_doubt_has_to_last_from_poll_to_poll(
    revised: RevisedStore, known: Known
) -> None:
    there = replace(revised.revision(), region="us-west-2")
    revised.put_revision(item_of(revised.place, there))
    put(revised, "o1", text={"S": "edited"})
    first = follow(revised.access(), known, full=True)
    assert (first.how, first.known) == (How.UNSETTLED, known)
    assert "us-west-2" in first.reason
    again = follow(revised.access(), known, full=True, doubtful=first.doubtful)
    assert again.how is How.DOUBT
    put(revised, "o2", text={"S": "edited"})
    other = follow(revised.access(), known, full=True, doubtful=first.doubtful)
    assert other.how is How.UNSETTLED


def test_a_change_to_an_option_that_was_edited_leaves_hosts_in_doubt_not_wrong(
    revised: RevisedStore, known: Known
) -> None:
    put(revised, "o1", text={"S": "edited"})
    set_(revised, o1=NEW, o2=NEW)
    found = follow(revised.access(), known)
    assert found.known is not None
    assert found.known.options == revised.content()


def test_a_store_that_never_stands_still_is_not_published(
    revised: RevisedStore, known: Known
) -> None:
    class Restless(TimedAccess):
        def options(self, *, consistent: bool) -> Any:
            put(revised, "o1", n={"N": str(100 + len(self.seen))})
            self.seen.append(1)
            return super().options(consistent=consistent)

        seen: list[int]

    access = Restless(revised.table)
    access.seen = []
    found = follow(access, known, full=True)
    assert (found.how, found.known) == (How.UNSETTLED, known)


def test_while_an_import_is_under_way_hosts_keep_what_they_have(
    revised: RevisedStore, known: Known
) -> None:
    pending = replace(revised.revision(), pending=Pending("t", "arn:me"))
    revised.put_revision(item_of(revised.place, pending))
    put(revised, "o1", text={"S": "half"})
    assert follow(revised.access(), known).how is How.SAME
    found = follow(revised.access(), known, full=True)
    assert (found.how, found.known) == (How.PENDING, known)
    assert "arn:me" in found.reason
    # A host that has nothing waits too, unless nobody will end the import.
    assert follow(revised.access(), None).known is None
    served = follow(revised.access(), None, dead=lambda pending: True)
    assert served.how is How.DOUBT
    assert served.known is not None
    assert served.known.options == revised.content()


def test_an_import_is_seen_as_one_change(revised: RevisedStore, known: Known) -> None:
    options = {f"new{number}": NEW for number in range(150)}
    seen: list[Followed] = []

    class Watched(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            seen.append(follow(revised.access(), known, full=True))

    write(Watched(revised.table), Change(options, "me"))
    assert len(seen) > 2
    assert {found.how for found in seen} <= {How.PENDING, How.QUERY}
    assert all(found.known == known for found in seen)
    after = follow(revised.access(), known)
    assert after.known is not None
    assert after.known.options == START | options


# --- throttling ----------------------------------------------------------------------------------


@pytest.fixture
def paged(revised: RevisedStore) -> TableReads:
    """Reads a store of several pages, two items each."""

    class Paged(TableReads):
        def options(self, *, consistent: bool) -> Any:
            pages = self._pages({"Limit": 2}, self.place.store, consistent=consistent)
            return self._packed(pages)

    return Paged(revised.table, "prod", sleep=lambda _: None)


def test_a_query_that_is_throttled_goes_on_where_it_was(
    revised: RevisedStore, known: Known, proxy: FaultProxy, paged: TableReads
) -> None:
    proxy.fail(faults.THROTTLED, "Query", after=2, times=4)
    assert paged.options(consistent=False) == START
    # Five pages, and the four that were refused: none was read twice.
    assert proxy.count("Query") == 5 + 4


def test_a_query_that_is_throttled_for_ever_ends(
    revised: RevisedStore, known: Known, proxy: FaultProxy, paged: TableReads
) -> None:
    proxy.fail(faults.THROTTLED, "Query", after=2)
    with pytest.raises(TableThrottled):
        paged.options(consistent=False)
    assert proxy.count("Query") == 2 + 6


# --- when to read in full ------------------------------------------------------------------------


def test_readings_in_doubt_grow_rare() -> None:
    assert [pause_in_doubt(times, 3600.0) for times in range(1, 5)] == [10, 60, 3600, 3600]


def test_a_fleet_spreads_its_full_readings() -> None:
    assert longest_delay(10_000, 12.5, 10.0) == pytest.approx(42.083, abs=0.001)
    assert longest_delay(100, 12.5, 10.0) == 0.0
