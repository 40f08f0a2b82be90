"""Who changed what, what was there before, and how to go back."""

from __future__ import annotations

from typing import Any

import pytest

from ddbcfg_client.dynamodb.revision.enabling import Settings, disable, enable
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.history import (
    diff,
    entries_of,
    names_of,
    past,
    records,
    rollback,
)
from ddbcfg_client.dynamodb.revision.importing import write, write_import
from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.dynamodb.revision.place import change_option
from ddbcfg_client.dynamodb.revision.purging import purge
from ddbcfg_client.dynamodb.revision.repairing import repair
from ddbcfg_client.dynamodb.revision.syncing import sync
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.errors import ChangeConflict, HistoryGap, RevisionMissing, StoreUnsettled
from support.revisions import DyingAccess, Killed, RevisedStore, noise, packed

ONE, TWO, THREE = (packed("o", n=number) for number in (1, 2, 3))


@pytest.fixture
def revisions(revised: RevisedStore) -> list[dict[str, bytes]]:
    """What the store was at revisions 0 to 5: changes, an import, and large values."""
    revised.begin({"a": ONE, "b": ONE})
    was: list[dict[str, bytes]] = [{}, {"a": ONE, "b": ONE}]
    many: dict[str, bytes | None] = {f"m{number}": TWO for number in range(200)}
    blob = packed("o", b=noise(1, 380_000))
    changes: list[tuple[Any, Change]] = [
        (write_change, Change({"a": TWO, "b": None}, "alice", "a is two")),
        (write, Change(many, "bob", "many")),
        (write_change, Change({"a": blob, "c": ONE}, "alice")),
        (write_import, Change({"a": THREE, "m0": None}, "carol", "in parts")),
    ]
    for how, change in changes:
        assert how(revised.access(), change) is not None
        was.append(dict(revised.content()))
    return was


def test_the_record_says_who_changed_what_and_why(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    access = revised.access()
    found = list(records(access))
    assert [(r.rev, r.by, r.why, r.changed) for r in found] == [
        (5, "carol", "in parts", 2),
        (4, "alice", "", 2),
        (3, "bob", "many", 200),
        (2, "alice", "a is two", 2),
    ]
    assert names_of(access, found[0]) == ["a", "m0"]
    assert names_of(access, found[3]) == ["a", "b"]
    assert len(entries_of(access, found[2])) == 200
    assert [r.rev for r in records(access, since=3)] == [5, 4]


@pytest.mark.parametrize("rev", range(1, 6))
def test_what_the_store_was(
    revised: RevisedStore, revisions: list[dict[str, bytes]], rev: int
) -> None:
    was = past(revised.access(), rev)
    assert was.content == revisions[rev]
    assert was.current == revisions[-1]


def test_differences_of_two_revisions(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    found = diff(revised.access(), 3, 5)
    assert found == [("a", TWO, THREE), ("c", None, ONE), ("m0", TWO, None)]
    back = diff(revised.access(), 5, 3)
    assert back == [("a", THREE, TWO), ("c", ONE, None), ("m0", None, TWO)]
    assert diff(revised.access(), 4, 4) == []


@pytest.mark.parametrize("rev", range(1, 5))
def test_going_back_is_a_change_of_its_own(
    revised: RevisedStore, revisions: list[dict[str, bytes]], rev: int
) -> None:
    change = rollback(revised.access(), rev, by="dave")
    written = write(revised.access(), change)
    assert written is not None
    assert written.rev == 6
    assert revised.content() == revisions[rev]
    assert revised.proves()
    (last, *_) = records(revised.access())
    assert (last.by, last.why) == ("dave", f"back to revision {rev}")
    # And forth again.
    write(revised.access(), rollback(revised.access(), 5, by="dave"))
    assert revised.content() == revisions[5]


def test_going_back_with_some_options_only(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    change = rollback(revised.access(), 1, by="dave", options=["b", "nope"])
    assert change.options == {"b": ONE}


def test_going_back_does_not_overwrite_what_changed_meanwhile(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    change = rollback(revised.access(), 1, by="dave", options=["a"])
    write_change(revised.access(), Change({"a": TWO}, "eve"))
    with pytest.raises(ChangeConflict):
        write(revised.access(), change)


def test_what_is_not_on_record_is_not_made_up(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    home = revised.place.home
    key = {"_store": {"S": home}, "_option": {"S": change_option(3)}}
    revised.client.delete_item(TableName=revised.place.table, Key=key)
    access = revised.access()
    assert past(access, 3).content == revisions[3]
    for rev in (1, 2):
        with pytest.raises(HistoryGap):
            past(access, rev)
    with pytest.raises(HistoryGap):
        diff(access, 2, 4)
    for rev in (0, 6, -1):
        with pytest.raises(HistoryGap):
            past(access, rev)


def test_a_record_that_does_not_lead_back_is_not_believed(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    item = revised.access().change(2)
    assert item is not None
    other = revised.access().change(4)
    assert other is not None
    for spoiled in ({**item, "digest": {"B": bytes(32)}}, {**item, "z": {"B": b"?"}}):
        revised.put_revision(spoiled)
        with pytest.raises(HistoryGap):
            past(revised.access(), 1)


def test_a_gap_is_said_to_be_one(revised: RevisedStore) -> None:
    revised.client.put_item(
        TableName=revised.place.table,
        Item={"_store": {"S": "prod"}, "_option": {"S": "a"}, "n": {"N": "1"}},
    )
    enable(revised.access(), Settings(), by="me")
    write_change(revised.access(), Change({"a": TWO}, "me"))
    revised.client.put_item(
        TableName=revised.place.table,
        Item={"_store": {"S": "prod"}, "_option": {"S": "b"}, "n": {"N": "1"}},
    )
    with pytest.raises(StoreUnsettled, match="sync"):
        past(revised.access(), 1)
    sync(revised.access(), None, by="scribe")
    assert past(revised.access(), 3).content == revised.content()
    with pytest.raises(HistoryGap):
        past(revised.access(), 2)


def test_purging_takes_old_values_away(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    write_change(revised.access(), Change({"secret": packed("o", text="p1anted")}, "me"))
    write_change(revised.access(), Change({"secret": THREE}, "me"))
    assert revised.revision().changes_after(5)
    assert purge(revised.access(), before=7) == 5
    assert [record.rev for record in records(revised.access())] == [7]
    assert revised.revision().changes_after(5) is None
    assert revised.revision().changes_after(6) == [(7, "secret", THREE)]
    assert home_of(revised) == ["change/000000000007", "revision"]
    assert revised.proves()
    # Revision 7 itself still says what was before it.
    assert purge(revised.access(), before=8) == 1
    assert home_of(revised) == ["revision"]
    assert revised.revision().changes_after(6) is None
    assert follow(revised.access(), None).how is How.QUERY


@pytest.mark.parametrize("key", ["change/000000000003x", "change/0000000000999", "change/0"])
def test_what_somebody_wrote_between_change_items_stays_and_stops_nothing(
    revised: RevisedStore, revisions: list[dict[str, bytes]], key: str
) -> None:
    revised.client.put_item(
        TableName=revised.place.table,
        Item={"_store": {"S": revised.place.home}, "_option": {"S": key}},
    )
    assert purge(revised.access(), before=4) == 2
    there = {"change/000000000004", "change/000000000005", "revision", key}
    assert {each for each in home_of(revised) if not each.startswith("part/")} == there
    # The next revisions are above all that are on record, whatever else there is.
    disable(revised.access())
    assert enable(revised.access(), Settings(), by="me").rev == 6


def test_purging_takes_plans_that_came_to_nothing_and_leaves_the_others(
    revised: RevisedStore, revisions: list[dict[str, bytes]]
) -> None:
    dying = DyingAccess(revised.table, "prod", 7, served=True)
    with pytest.raises(Killed):
        write_import(dying, Change({"a": ONE}, "importer"))
    pending = revised.revision().pending
    assert pending is not None
    under_way = f"part/{pending.plan}/000000"
    assert under_way in home_of(revised)
    purge(revised.access(), before=5)
    assert under_way in home_of(revised)
    assert past_after_repair(revised, take_back=True) == revisions[5]
    purge(revised.access(), before=5)
    assert under_way not in home_of(revised)
    assert past(revised.access(), 4).content == revisions[4]


def past_after_repair(revised: RevisedStore, *, take_back: bool) -> Any:
    repair(revised.access(), by="op", take_back=take_back)
    return revised.content()


def home_of(revised: RevisedStore) -> list[str]:
    """The option keys of everything the protocol keeps."""
    pages = revised.client.get_paginator("query").paginate(
        TableName=revised.place.table,
        KeyConditionExpression="#s = :s",
        ExpressionAttributeNames={"#s": "_store"},
        ExpressionAttributeValues={":s": {"S": revised.place.home}},
    )
    return [item["_option"]["S"] for page in pages for item in page["Items"]]


def test_a_store_without_revisions_has_no_history(revised: RevisedStore) -> None:
    with pytest.raises(RevisionMissing):
        list(records(revised.access()))
    with pytest.raises(RevisionMissing):
        past(revised.access(), 1)


def test_a_revision_that_is_absurdly_high_has_a_short_history(revised: RevisedStore) -> None:
    revised.begin({"a": ONE}, rev={"N": "9" * 12})
    assert list(records(revised.access())) == []
    with pytest.raises(HistoryGap):
        past(revised.access(), 1)
    assert purge(revised.access(), before=10**17) == 0
