"""Changes of many options: other repairs, first and last revisions, the scribe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.revision.access import Write
from ddbcfg_client.dynamodb.revision.enabling import Settings, disable, enable
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.importing import write_import
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.dynamodb.revision.repairing import repair
from ddbcfg_client.dynamodb.revision.syncing import Found, sync
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.errors import (
    ChangeRefused,
    ImportPending,
    NameRefused,
    RevisionError,
    RevisionMissing,
)
from support.revision_importing import IMPORT, START, known_of, put
from support.revisions import DyingAccess, Killed, RevisedStore, TimedAccess

# --- repairs of other things ---------------------------------------------------------------------


def test_a_live_import_is_not_repaired(revised: RevisedStore) -> None:
    revision = replace(revised.begin(START), pending=Pending("t", "other"))
    revised.put_revision(item_of(revised.place, revision))

    class Beating(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if len(self.waited) == 5:
                pending = Pending("t", "other", beat=1)
                revised.put_revision(item_of(revised.place, replace(revision, pending=pending)))

    with pytest.raises(ImportPending, match="makes progress"):
        repair(Beating(revised.table), by="op")


def test_nothing_to_repair(revised: RevisedStore) -> None:
    with pytest.raises(RevisionMissing):
        repair(revised.access(), by="op")
    revised.begin(START)
    assert repair(revised.access(), by="op") is None


def test_two_repairs_at_once(revised: RevisedStore) -> None:
    revised.begin(START)
    with pytest.raises(Killed):
        write_import(DyingAccess(revised.table, "prod", 9, served=True), IMPORT)
    other = revised.access()

    class Overtaken(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if seconds == 10.0 and revised.revision().rev == 1:
                repair(other, by="faster", take_back=True)

    with pytest.raises((ChangeRefused, ImportPending)):
        repair(Overtaken(revised.table), by="slower")
    assert revised.revision().by == "faster"
    assert revised.content() == START
    assert revised.proves()


@pytest.mark.parametrize(
    "fields", [{"rev": {"S": "x"}}, {"digest": {"B": b"x"}}, {"pending": {"L": []}}], ids=str
)
def test_a_damaged_revision_item_is_made_anew(
    revised: RevisedStore, fields: dict[str, Any]
) -> None:
    first = revised.begin(START)
    write_change(revised.access(), Change({"o0": None}, "me"))
    revised.put_revision(item_of(revised.place, revised.revision()) | fields)
    repaired = repair(revised.access(), by="op")
    assert repaired is not None
    assert (repaired.revision.rev, repaired.revision.epoch != first.epoch) == (3, True)
    assert revised.proves()


def test_a_new_epoch_after_a_restore(revised: RevisedStore) -> None:
    first = revised.begin(START)
    known = known_of(revised)
    put(revised, "o0", text={"S": "yesterday"})
    repaired = repair(revised.access(), by="op", new_epoch=True)
    assert repaired is not None
    assert repaired.revision.epoch != first.epoch
    found = follow(revised.access(), known)
    assert found.how is How.QUERY
    assert found.known is not None
    assert found.known.options == revised.content()


def test_a_plan_that_is_gone_is_not_guessed(revised: RevisedStore) -> None:
    revised.begin(START)
    with pytest.raises(Killed):
        write_import(DyingAccess(revised.table, "prod", 9, served=True), IMPORT)
    pending = revised.revision().pending
    assert pending is not None
    key = {"_store": {"S": revised.place.home}, "_option": {"S": f"part/{pending.plan}/000000"}}
    revised.client.delete_item(TableName=revised.place.table, Key=key)
    with pytest.raises(RevisionError, match="--new-epoch"):
        repair(revised.access(), by="op")
    # Its own mark stays until then: nobody takes half of the import for the store.
    assert follow(revised.access(), None).how is How.PENDING
    half = revised.content()
    assert repair(revised.access(), by="op", new_epoch=True) is not None
    assert revised.content() == half
    assert revised.proves()


# --- the first revision and the last -------------------------------------------------------------


def test_enabling_waits_for_the_last_plain_writer(revised: RevisedStore) -> None:
    put(revised, "o0", n={"N": "1.0"})

    class Late(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if sum(self.waited) == 60:
                put(revised, "o1", n={"N": "2"})

    access = Late(revised.table)
    made = enable(access, Settings(fleet=9, ttl="expires", keep=90), by="me")
    assert (made.rev, made.count, made.fleet) == (1, 2, 9)
    assert sum(access.waited) >= 70
    assert revised.proves()
    # A second time only changes the settings.
    again = enable(revised.access(), Settings(fleet=10), by="me")
    assert (again.rev, again.epoch, again.fleet) == (1, made.epoch, 10)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(ttl="rev", keep=1),
        Settings(ttl="_store", keep=1),
        Settings(ttl="expires"),
        Settings(keep=9),
        Settings(ttl="expires", keep=99_999),
    ],
    ids=str,
)
def test_settings_that_cannot_be(revised: RevisedStore, settings: Settings) -> None:
    with pytest.raises((NameRefused, RevisionError)):
        enable(revised.access(), settings, by="me")
    assert revised.access().revision(consistent=True) is None


def test_an_enabling_that_died_is_repaired(revised: RevisedStore) -> None:
    put(revised, "o0", n={"N": "1"})
    with pytest.raises(Killed):
        enable(DyingAccess(revised.table, "prod", 5, served=True), Settings(), by="me")
    assert follow(revised.access(), None).how is How.PLAIN
    repaired = repair(revised.access(), by="op")
    assert repaired is not None
    assert repaired.revision.rev == 1
    assert revised.proves()


def test_disabling(revised: RevisedStore) -> None:
    with pytest.raises(RevisionMissing):
        disable(revised.access())
    revision = revised.begin(START)
    pending = replace(revision, pending=Pending("t", "other"))
    revised.put_revision(item_of(revised.place, pending))
    with pytest.raises(ImportPending):
        disable(revised.access())
    revised.put_revision(item_of(revised.place, revision))
    assert disable(revised.access()) == 1
    assert write_change(revised.access(), Change({"o0": None}, "me")) is None


# --- the scribe ----------------------------------------------------------------------------------


def test_a_scribe_that_remembers_nothing_records_a_gap(revised: RevisedStore) -> None:
    revised.begin(START)
    assert sync(revised.access(), None, by="s").found is Found.UNCHANGED
    put(revised, "o0", n={"N": "9"})
    synced = sync(revised.access(), None, by="s")
    assert (synced.found, synced.names) == (Found.REVISED, None)
    assert revised.proves()
    again = sync(revised.access(), synced.known, by="s")
    assert (again.found, again.known) == (Found.UNCHANGED, synced.known)


def test_two_scribes_make_one_revision(revised: RevisedStore) -> None:
    revised.begin(START)
    known = sync(revised.access(), None, by="s").known
    put(revised, "o0", n={"N": "9"})
    other = revised.access()

    class Overtaken(TimedAccess):
        def commit(self, writes: Sequence[Write], token: str) -> None:
            if revised.revision().rev == 1:
                assert sync(other, known, by="faster").found is Found.REVISED
            super().commit(writes, token)

    synced = sync(Overtaken(revised.table), known, by="slower")
    assert (synced.found, revised.revision().rev, revised.revision().by) == (
        Found.UNCHANGED,
        2,
        "faster",
    )


def test_a_scribe_leaves_an_import_alone(revised: RevisedStore) -> None:
    revision = replace(revised.begin(START), pending=Pending("t", "other"))
    revised.put_revision(item_of(revised.place, revision))
    put(revised, "o0", n={"N": "9"})
    assert sync(revised.access(), None, by="s").found is Found.PENDING
    assert revised.revision() == revision


def test_a_scribe_of_a_store_that_never_stands_still(revised: RevisedStore) -> None:
    revised.begin(START)

    class Restless(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            put(revised, "o0", n={"N": str(90 + len(self.waited))})

    put(revised, "o0", n={"N": "90"})
    assert sync(Restless(revised.table), None, by="s").found is Found.BUSY
    assert sync(revised.access(), None, by="s").found is Found.REVISED


def test_a_large_edit_is_one_revision_with_its_names(revised: RevisedStore) -> None:
    revised.begin(START)
    known = sync(revised.access(), None, by="s").known
    for number in range(200):
        put(revised, f"edited{number}", n={"N": "1"})
    synced = sync(revised.access(), known, by="s")
    assert synced.names is not None
    assert len(synced.names) == 200
    assert len(revised.entries(2)) == 200
    assert revised.proves()
