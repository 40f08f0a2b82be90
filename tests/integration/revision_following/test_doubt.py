"""The reading side against a table: what is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.revision.access import Item
from ddbcfg_client.dynamodb.revision.enabling import Settings, disable, enable
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.importing import write
from ddbcfg_client.dynamodb.revision.item import Pending, Revision, item_of
from ddbcfg_client.dynamodb.revision.known import Followed, How, Known
from ddbcfg_client.dynamodb.revision.syncing import Found, sync
from ddbcfg_client.dynamodb.revision.writing import Change
from support.revision_following import NEW, START, set_
from support.revisions import RevisedStore, TimedAccess


def put(revised: RevisedStore, option: str, **attributes: Any) -> None:
    """What a writer does that does not know the protocol."""
    keys = {"_store": {"S": "prod"}, "_option": {"S": option}}
    revised.client.put_item(TableName=revised.place.table, Item={**attributes, **keys})


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
