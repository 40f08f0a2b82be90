"""The reading side against a table: how little is read, and when it is read in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision.access import Item
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.item import LARGEST, item_of, with_log
from ddbcfg_client.dynamodb.revision.known import How, Known
from ddbcfg_client.dynamodb.revision.pauses import longest_delay, pause_in_doubt
from ddbcfg_client.dynamodb.revision.place import change_option
from ddbcfg_client.dynamodb.revision.table_reads import TableReads
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import TableThrottled
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revision_following import NEW, START, set_
from support.revisions import RevisedStore, TimedAccess, noise, packed


def operations(proxy: FaultProxy) -> list[str]:
    return [request.operation for request in proxy.requests]


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
