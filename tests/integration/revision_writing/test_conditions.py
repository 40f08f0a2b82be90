"""Changes of a few options: later protocols, compare and set, and imports under way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.revision.comparing import Unchanged
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.importing import write_import
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    ChangeConflict,
    ImportPending,
    NameRefused,
    RevisionDamaged,
    RevisionElsewhere,
    RevisionFormatUnknown,
    TableNotFound,
)
from support.fault_proxy import FaultProxy
from support.revision_writing import DB, START, WEB, change
from support.revisions import RevisedStore, TimedAccess, noise, packed

# --- revision items that are not this release's to change ----------------------------------------


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"format": {"N": "2"}}, RevisionFormatUnknown),
        ({"format": {"S": "1"}}, RevisionDamaged),
        ({"rev": {"N": "-1"}}, RevisionDamaged),
        ({"rev": {"S": "1"}}, RevisionDamaged),
        ({"digest": {"B": b"short"}}, RevisionDamaged),
        ({"pending": {"M": {}}}, RevisionDamaged),
        ({"pending": {"S": "x"}}, RevisionDamaged),
        ({"region": {"S": "us-west-2"}}, RevisionElsewhere),
    ],
    ids=str,
)
def test_a_revision_item_that_is_not_understood_is_left_alone(
    revised: RevisedStore, fields: dict[str, Any], error: type[Exception]
) -> None:
    revised.begin(START, **fields)
    with pytest.raises(error):
        write_change(revised.access(), change(db=WEB))
    assert revised.content() == START


def test_attributes_of_a_later_release_stay(revised: RevisedStore) -> None:
    revised.begin(START, newer={"S": "kept"})
    write_change(revised.access(), change(db=WEB))
    assert revised.revision().others == {"newer": {"S": "kept"}}


def test_a_store_where_other_stores_have_their_revisions_is_not_written(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    inside = RevisedStore(revised.client, revised.place.table, "_ddbcfg/prod")
    proxy.reset()
    for attempt in (write_change, write_import):
        with pytest.raises(NameRefused):
            attempt(inside.access(), change(db=WEB))
    assert proxy.requests == []


def test_a_store_whose_name_is_too_long_for_revisions_has_none(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    """Nor is one looked for: the hash key would be longer than DynamoDB's."""
    long = RevisedStore(revised.client, revised.place.table, "x" * 2041)
    proxy.reset()
    assert write_change(long.access(), change(db=WEB)) is None
    assert write_import(long.access(), change(db=WEB)) is None
    assert follow(long.access(), None).how is How.PLAIN
    assert proxy.requests == []


# --- compare and set -----------------------------------------------------------------------------


def test_compare_and_set_names_what_changed(revised: RevisedStore) -> None:
    first = revised.begin(START)
    write_change(revised.access(), change("other", web=None))
    made_from = Unchanged(1, first.epoch)
    with pytest.raises(ChangeConflict) as raised:
        write_change(revised.access(), Change({"web": WEB, "db": WEB}, "me", unchanged=made_from))
    assert raised.value.changed == ("web",)
    assert (raised.value.expected, raised.value.found) == (1, 2)
    assert revised.content() == {"db": DB}
    written = write_change(revised.access(), Change({"db": WEB}, "me", unchanged=made_from))
    assert written is not None
    assert written.rev == 3


def test_compare_and_set_far_back_goes_by_the_change_items(revised: RevisedStore) -> None:
    first = revised.begin(START)
    access = revised.access()
    write_change(access, change(web=packed("web", b=noise(9, 4000))))  # too large for the log
    for number in range(3):
        write_change(access, change(db=packed("db", b=noise(number, 3000))))
    assert revised.revision().changes_after(1) is None
    made_from = Unchanged(1, first.epoch)
    with pytest.raises(ChangeConflict) as raised:
        write_change(access, Change({"web": WEB}, "me", unchanged=made_from))
    assert raised.value.changed == ("web",)
    assert write_change(access, Change({"new": WEB}, "me", unchanged=made_from)).rev == 6  # type: ignore[union-attr]


@pytest.mark.parametrize("made_from", [Unchanged(1, "another epoch"), Unchanged(9)], ids=str)
def test_compare_and_set_against_what_is_not_on_record(
    revised: RevisedStore, made_from: Unchanged
) -> None:
    revised.begin(START)
    write_change(revised.access(), change(web=None))
    with pytest.raises(ChangeConflict) as raised:
        write_change(revised.access(), Change({"db": WEB}, "me", unchanged=made_from))
    assert raised.value.changed == ()
    assert "not on record" in str(raised.value)


# --- while an import is under way ----------------------------------------------------------------


def test_a_change_waits_for_an_import_and_goes_on(revised: RevisedStore) -> None:
    revision = replace(revised.begin(START), pending=Pending("t", "other"))
    revised.put_revision(item_of(revised.place, revision))

    class Waiting(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if len(self.waited) == 3:
                revised.put_revision(item_of(revised.place, replace(revision, pending=None)))

    access = Waiting(revised.table)
    assert write_change(access, change(db=WEB)).rev == 2  # type: ignore[union-attr]
    assert access.waited == [1.0] * 3


def test_a_change_gives_up_on_a_dead_import_and_names_the_repair(revised: RevisedStore) -> None:
    revision = replace(revised.begin(START), pending=Pending("t", "other"))
    revised.put_revision(item_of(revised.place, revision))
    access = revised.access()
    with pytest.raises(ImportPending, match="revision repair"):
        write_change(access, change(db=WEB))
    assert sum(access.waited) == 60
    assert revised.content() == START


def test_a_change_gives_up_on_an_import_that_goes_on_for_ever(revised: RevisedStore) -> None:
    revision = replace(revised.begin(START), pending=Pending("t", "other"))

    class Beating(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            pending = Pending("t", "other", beat=len(self.waited))
            revised.put_revision(item_of(revised.place, replace(revision, pending=pending)))

    revised.put_revision(item_of(revised.place, revision))
    access = Beating(revised.table)
    with pytest.raises(ImportPending, match="is under way"):
        write_change(access, change(db=WEB))
    assert sum(access.waited) == 300


def test_a_missing_table_is_told_as_such(quick_client: Any) -> None:
    access = TimedAccess(Table(quick_client, "no-such-table"))
    with pytest.raises(TableNotFound):
        write_change(access, change(db=WEB))


def test_dynalite_has_no_transactions_and_so_no_revisions(emulator_url: str, table: Any) -> None:
    """Both emulators: a store without a revision is found to be one."""
    from ddbcfg_client.dynamodb.creation import ensure_table

    client = connect_dynamodb(endpoint_url=emulator_url)
    try:
        made = Table(client, table.name)
        ensure_table(made)
        assert write_change(TimedAccess(made), change(db=WEB)) is None
    finally:
        client.close()
