"""DynamoDBConfigStore of a store with revisions: whole changes, conflicts, and who made them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import caller, store_writer
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from ddbcfg_client.dynamodb.revision.record import parse_record
from ddbcfg_client.dynamodb.store_writer import StoreWriter
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    ArgumentsRefused,
    ChangeConflict,
    ChangeRefused,
    ConditionNeedsRevision,
    ConfigError,
    CredentialsRefused,
    ImportInterrupted,
    ImportPending,
    NameRefused,
    RevisionError,
    RevisionMissing,
    TableThrottled,
    ValueRefused,
)
from ddbcfg_client.testing import FakeConfig
from support import fault_proxy as faults
from support.revisions import RevisedStore, TimedAccess, noise, packed
from support.rig import KINDS, open_rig

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy

DB = {"host": "db-cluster.com", "port": 27017}
SECRET = "p1anted-s3cret"


@pytest.fixture
def store(revised: RevisedStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBConfigStore]:
    """The store as a program has it; its writers wait for nothing."""
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    with DynamoDBConfigStore(
        revised.client,
        revised.place.table,
        "prod",
        config_store_kwargs={"consistent_read": True},
    ) as store:
        yield store


def record(revised: RevisedStore, rev: int) -> Any:
    item = revised.access().change(rev)
    assert item is not None
    return parse_record(revised.place, item)


# --- one change, one revision --------------------------------------------------------------------


def test_set_and_delete_are_revisions(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    revised.begin()
    assert store.set("db", DB, why="the first") is True
    assert store.set("db", DB) is True, "the same again is no change"
    assert store.delete("db") is True
    assert store.delete("db") is False
    assert revised.revision().rev == 3
    assert [record(revised, rev).why for rev in (2, 3)] == ["the first", ""]
    assert record(revised, 2).by == caller.user_at_host()
    assert revised.proves()


def test_set_if_absent(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    revised.begin()
    assert store.set("db", {"a": 1}, if_absent=True) is True
    assert store.set("db", {"a": 1}, if_absent=True) is False
    assert store.set("db", {"a": 2}, if_absent=True) is False
    assert store.config.get("db") == {"a": Decimal(1)}


def test_several_options_are_one_change(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    revised.begin({"db": packed("db", a=1), "old": packed("old", a=1), "web": packed("web", a=1)})
    changes = {"db": {"a": Decimal(2)}, "new": DB}
    rev = store.set_many(changes, delete=["old", "nope"], why="the move", by="me")
    assert rev == 2
    assert store.config.get() == {**changes, "web": {"a": 1}}
    made = record(revised, 2)
    assert (made.by, made.why, made.names) == ("me", "the move", ("db", "new", "old"))
    assert store.set_many({}, delete=["nope"]) == 2, "nothing to change is no revision"
    with pytest.raises(NameRefused, match="'db' is to be both stored and deleted"):
        store.set_many({"db": {}}, delete=["db"])


def test_several_options_without_revisions(store: DynamoDBConfigStore) -> None:
    store.set("old", {"a": 1})
    rev = store.set_many({"db": DB, "web": {}}, delete=["old"])
    assert rev == 0
    assert store.config.get() == {"db": DB, "web": {}}
    with pytest.raises(RevisionMissing, match="nothing says what changed meanwhile"):
        store.set("db", {}, if_unchanged=1)
    with pytest.raises(ConditionNeedsRevision):
        store.set("db", {}, if_unchanged=rev)
    assert store.config.get("db") == DB


def test_a_change_without_revision_is_older_than_every_revision(
    store: DynamoDBConfigStore, revised: RevisedStore
) -> None:
    rev = store.set_many({"db": DB})
    revised.begin()
    with pytest.raises(RevisionError):
        store.set("db", {}, if_unchanged=rev)
    assert store.config.get("db") == DB


def test_ninety_nine_options_are_one_revision(
    store: DynamoDBConfigStore, revised: RevisedStore
) -> None:
    revised.begin()
    options = {f"option {number:02}": {"n": number} for number in range(99)}
    assert store.set_many(options, by="me") == 2
    assert store.config.get() == options
    assert record(revised, 2).changed == 99
    assert revised.proves()


def test_names_of_a_thousand_bytes(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    """Which fit neither the log nor, ten of them, the change item."""
    revised.begin()
    options = {"ü" * 499 + f"{number:02}": {"n": number} for number in range(10)}
    assert store.set_many(options) == 2
    assert store.delete("ü" * 499 + "00") is True
    assert [entry.name for entry in revised.entries(2)] == sorted(options)
    assert revised.proves()


# --- compare and set -----------------------------------------------------------------------------


def test_a_change_made_from_a_revision(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    revised.begin({"db": packed("db", a=1), "web": packed("web", a=1)})
    assert store.set("web", {"a": 2}, if_unchanged=1) is True
    assert store.set("db", {"a": 2}, if_unchanged=1) is True, "only its own options count"
    with pytest.raises(ChangeConflict, match="'db' changed meanwhile") as caught:
        store.set("db", {"a": 3}, if_unchanged=1)
    conflict = caught.value
    assert (conflict.changed, conflict.expected, conflict.found) == (("db",), 1, 3)
    with pytest.raises(ChangeConflict):
        store.delete("db", if_unchanged=2)
    assert store.config.get("db") == {"a": 2}


def test_a_change_made_from_options_that_were_read(
    store: DynamoDBConfigStore, revised: RevisedStore
) -> None:
    revised.begin({"db": packed("db", a=1), "web": packed("web", a=1)})
    seen = store.config.get()
    store.set("web", {"a": 2})
    store.set("db", {"a": 2}, if_unchanged=seen)
    with pytest.raises(ChangeConflict, match="'web' changed since the options were read") as caught:
        store.set_many({"db": {"a": 2}, "web": {}}, if_unchanged={**seen, "db": {"a": 2}})
    assert (caught.value.changed, caught.value.expected) == (("web",), None)
    with pytest.raises(ChangeConflict):
        store.set("new", {}, if_unchanged={"new": {}})
    store.set("new", {}, if_unchanged=seen)
    with pytest.raises(ChangeConflict):
        store.set("new", {"a": 1}, if_unchanged=seen)


def test_a_change_made_from_a_snapshot(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    """Every type comes back from shared memory as it was written."""
    values = {"s": {"a", "b"}, "n": {1, Decimal("0.1")}, "b": b"\0", "l": [None, {"m": True}]}
    revised.begin()
    store.set("db", values)
    published = FakeConfig({"db": values}).snapshot()
    assert store.set("db", DB, if_unchanged=published) is True
    with pytest.raises(ChangeConflict):
        store.set("db", {}, if_unchanged=published)


# --- what is in the way --------------------------------------------------------------------------


def test_a_dead_import_is_in_the_way_and_its_repair_is_named(
    store: DynamoDBConfigStore, revised: RevisedStore
) -> None:
    begun = revised.begin({"db": packed("db", a=1)})
    from dataclasses import replace

    revised.put_revision(item_of(revised.place, replace(begun, pending=Pending("t", "job"))))
    with pytest.raises(ImportPending, match="by job made no progress.*revision repair"):
        store.set("db", {"password": SECRET})
    assert store.config.get("db") == {"a": 1}


def test_an_import_that_fails_leaves_hosts_the_revision_before(
    store: DynamoDBConfigStore, revised: RevisedStore, proxy: FaultProxy
) -> None:
    revised.begin({"db": packed("db", a=1)})
    proxy.reset()
    # The mark, two for the plan, one part of 97.
    proxy.fail(faults.EXPIRED, "TransactWriteItems", after=4)
    options = {f"option {number:03}": {"password": SECRET} for number in range(120)}
    with pytest.raises(ImportInterrupted, match="97 of 120 options.*revision repair") as caught:
        store.set_many(options)
    assert SECRET not in str(caught.value)
    proxy.heal()
    revision = revised.revision()
    assert (revision.rev, revision.pending is not None) == (1, True)


@pytest.mark.parametrize(
    ("fault", "operation", "error"),
    [
        (faults.DENIED, "TransactGetItems", CredentialsRefused),
        (faults.DENIED, "TransactWriteItems", CredentialsRefused),
        (faults.THROTTLED, "TransactWriteItems", TableThrottled),
        (faults.refusal("c", 400, "TransactionConflictException"), "TransactWriteItems",
         ChangeRefused),
        (faults.refusal("c", 400, "TransactionConflictException"), "TransactGetItems",
         ChangeRefused),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_refused_for_good_is_bounded_typed_and_no_change(
    store: DynamoDBConfigStore,
    revised: RevisedStore,
    proxy: FaultProxy,
    fault: faults.Fault,
    operation: str,
    error: type[ConfigError],
) -> None:
    revised.begin({"db": packed("db", a=1)})
    proxy.reset()
    proxy.fail(fault, operation)
    with pytest.raises(error) as caught:
        store.set("db", {"password": SECRET})
    assert SECRET not in str(caught.value)
    if error is CredentialsRefused:
        assert "dynamodb:GetItem" in str(caught.value) or "dynamodb:PutItem" in str(caught.value)
        assert "'_ddbcfg/prod'" in str(caught.value)
    assert proxy.count("PutItem") == 0, "a plain write would be a change behind the revision's back"
    assert proxy.count() <= 100
    proxy.heal()
    assert store.config.get("db") == {"a": 1}


def test_a_large_option(store: DynamoDBConfigStore, revised: RevisedStore) -> None:
    """Its record takes a part of its own; one that a merge makes too large is refused."""
    revised.begin()
    for seed in (1, 2):
        store.set("db", {"text": noise(seed, 125_000).hex()})
    assert record(revised, 3).plans
    [entry] = revised.entries(3)
    assert len(entry.before or b"") + len(entry.after or b"") > 500_000
    assert revised.proves()
    writer = StoreWriter(store.table, "prod")
    with pytest.raises(ValueRefused, match="limit is 409600"):
        writer.merge("db", {"more": {"B": noise(3, 160_000)}})
    assert revised.revision().rev == 3


@pytest.mark.parametrize("reserved", [False, True], ids=["home", "reserved"])
def test_stores_that_have_no_revisions(revised: RevisedStore, reserved: bool) -> None:
    """One with a name like another's revisions is refused; others are written as ever."""
    if not reserved:
        with (
            DynamoDBConfigStore(revised.client, revised.place.table, "_ddbcfg/prod") as store,
            pytest.raises(NameRefused, match="must not begin with '_ddbcfg/'"),
        ):
            store.set("revision", {})
        return
    name = f"{revised.place.table}-reserved"
    with DynamoDBConfigStore(revised.client, name, "prod", "token", "rev") as store:
        assert store.set("db", {"a": 1}) is True
        assert store.config.get() == {"db": {"a": 1}}
        assert store.delete("db") is True


def test_a_store_with_a_name_of_more_than_2040_bytes(revised: RevisedStore) -> None:
    with DynamoDBConfigStore(revised.client, revised.place.table, "s" * 2041) as store:
        assert store.set("db", {"a": 1}) is True


def test_a_clock_that_is_an_hour_off_only_shows_in_the_record(
    store: DynamoDBConfigStore, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    revised.begin()
    store.set("db", {"a": 1})
    with monkeypatch.context() as early:
        early.setattr(TimedAccess, "now", lambda _: 1_000_000_000.0)
        assert store.set_many({"db": {"a": 2}}, if_unchanged=2) == 3
    store.set("db", {"a": 3}, if_unchanged=3)
    assert [record(revised, rev).at[:4] == "2001" for rev in (2, 3, 4)] == [False, True, False]
    assert revised.proves()


@pytest.mark.parametrize("kind", KINDS)
def test_readers_see_the_store_and_nothing_of_its_revisions(
    revised: RevisedStore, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the old library's API; its own requests are a Query and a GetItem too."""
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    with open_rig(kind, revised.client, revised.place.table) as rig:
        rig.set("db", DB)
        before = [rig.config.get(), list(rig.config), len(rig.config), "revision" in rig.config]
        assert before == [{"db": DB}, ["db"], 1, False]
        revised.begin({"db": revised.content()["db"]})
        rig.set("db", {"host": "a"})
        rig.set("db", DB)
        after = [rig.config.get(), list(rig.config), len(rig.config), "revision" in rig.config]
        assert after == before
        assert revised.revision().rev == 3
    table = Table(revised.client, revised.place.table)
    [item] = table.items("prod")
    assert item.keys() == {"_store", "_option", *DB}
    assert table.item("prod", "db") == item


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.set("db", DB, if_unchanged=True),
        lambda store: store.set("db", DB, if_unchanged="2"),
        lambda store: store.set_many({}, if_unchanged=Decimal(2)),
        lambda store: store.delete("db", if_unchanged=store.config),
        lambda store: store.set("db", DB, why=None),
        lambda store: store.set("db", DB, by=4),
    ],
)
def test_arguments_that_mean_something_else(
    store: DynamoDBConfigStore, revised: RevisedStore, call: Any
) -> None:
    """``rev = store.set(...)`` is True, which is revision 1 to Python."""
    revised.begin({"db": packed("db", a=1)})
    with pytest.raises(ArgumentsRefused, match="takes a"):
        call(store)
    assert revised.revision().rev == 1


def test_one_name_is_no_list_of_options_to_delete(
    store: DynamoDBConfigStore, revised: RevisedStore
) -> None:
    revised.begin({"d": packed("d", a=1), "db": packed("db", a=1)})
    with pytest.raises(ArgumentsRefused, match="takes a list of options to delete"):
        store.set_many({}, delete="db")
    assert set(revised.content()) == {"d", "db"}
