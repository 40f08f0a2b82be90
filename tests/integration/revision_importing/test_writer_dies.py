"""Changes of many options: a writer that dies at any call, and its repair."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ddbcfg_client.dynamodb.revision import importing
from ddbcfg_client.dynamodb.revision.access import Write
from ddbcfg_client.dynamodb.revision.comparing import Unchanged
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.history import entries_of, records
from ddbcfg_client.dynamodb.revision.importing import write_import
from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.dynamodb.revision.repairing import repair
from ddbcfg_client.dynamodb.revision.writing import Change, write_change
from ddbcfg_client.errors import (
    ChangeConflict,
    ChangeRefused,
    ImportInterrupted,
    ImportPending,
    StoreUnsettled,
)
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revision_importing import IMPORT, OPTIONS, START, known_of, put
from support.revisions import DyingAccess, Killed, MemoryAccess, RevisedStore, TimedAccess, packed

AFTER = {k: v for k, v in (START | OPTIONS).items() if v is not None}


def test_an_import_is_one_revision(revised: RevisedStore) -> None:
    revised.begin(START)
    access = revised.access()
    written = write_import(access, IMPORT)
    assert written is not None
    assert written.rev == 2
    assert revised.content() == AFTER
    assert revised.proves()
    now = revised.revision()
    assert (now.rev, now.base, now.by, now.pending) == (2, 2, "importer", None)
    assert [(e.name, e.before, e.after) for e in revised.entries(2)] == [
        (name, START.get(name), OPTIONS[name]) for name in sorted(OPTIONS)
    ]


def test_5000_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory: moto copies the whole table for each transaction."""
    monkeypatch.setattr(importing, "PART_OPTIONS", 97)
    access = MemoryAccess()
    access.begin({})
    options = {f"option-{number:05}": packed("o", n=number) for number in range(5000)}
    began = time.monotonic()
    assert importing.write(access, Change(options, "importer")) is not None
    print(f"5,000 options: {time.monotonic() - began:.1f} s, {sum(access.waited):.1f} s of pauses")
    assert access.content == options
    found = follow(access, None)
    assert found.how is How.QUERY
    assert found.known is not None
    assert found.known.rev == 2
    (record,) = records(access)
    assert len(entries_of(access, record)) == 5000
    assert max(access.sizes) <= 98
    # Half of what a partition takes, so that others can write too.
    assert sum(access.waited) == pytest.approx(2.0 + 5000 * 2 / 500, rel=0.01)


def test_nothing_to_write_leaves_no_revision(revised: RevisedStore) -> None:
    first = revised.begin(START)
    written = write_import(revised.access(), Change(dict(START), "importer"))
    assert written is not None
    assert (written.rev, written.entries) == (1, ())
    assert revised.revision() == first


def test_a_store_without_revisions(revised: RevisedStore) -> None:
    assert write_import(revised.access(), IMPORT) is None
    assert revised.content() == {}


def test_compare_and_set_before_anything_is_written(revised: RevisedStore) -> None:
    first = revised.begin(START)
    write_change(revised.access(), Change({"o2": None}, "me"))
    with pytest.raises(ChangeConflict) as raised:
        write_import(revised.access(), replace(IMPORT, unchanged=Unchanged(1, first.epoch)))
    assert raised.value.changed == ("o2",)
    assert revised.revision().pending is None


def test_what_others_edit_meanwhile_is_in_the_revision_and_on_record(revised: RevisedStore) -> None:
    revised.begin(START)

    class Meddled(TimedAccess):
        def commit(self, writes: Sequence[Write], token: str) -> None:
            super().commit(writes, token)
            if len(writes) > 2:
                put(revised, "o0", text={"S": "edited"})

    write_import(Meddled(revised.table), IMPORT)
    assert revised.content()["o0"] == packed("o", text="edited")
    assert revised.proves()
    assert "o0" in [entry.name for entry in revised.entries(2)]


def test_a_store_that_never_stands_still(revised: RevisedStore) -> None:
    revised.begin(START)

    class Restless(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            put(revised, "o0", n={"N": str(len(self.waited))})

    with pytest.raises(ImportInterrupted) as raised:
        write_import(Restless(revised.table), IMPORT)
    assert isinstance(raised.value.__cause__, StoreUnsettled)
    assert raised.value.written == raised.value.total == 6


# --- a writer that dies at every call, and its repair --------------------------------------------


def calls_of_an_import(revised: RevisedStore) -> int:
    counting = DyingAccess(revised.table, "prod", 0, served=True)
    write_import(counting, IMPORT)
    return len(counting.calls)


@pytest.mark.parametrize(
    ("served", "take_back"),
    [(True, True), (False, False)],
    ids=["after it, then taken back", "before it, then finished"],
)
def test_an_import_that_dies_at_any_call(
    revised: RevisedStore, served: bool, take_back: bool
) -> None:
    revised.begin(START)
    calls = calls_of_an_import(revised)
    assert calls > 10
    outcomes = set()
    for last in range(1, calls + 1):
        for option in revised.content():
            key = {"_store": {"S": "prod"}, "_option": {"S": option}}
            revised.client.delete_item(TableName=revised.place.table, Key=key)
        revised.begin(START)
        known = known_of(revised)
        dying = DyingAccess(revised.table, "prod", last, served=served)
        with pytest.raises(Killed):
            write_import(dying, IMPORT)
        # Each host keeps the old state, or has the new one: at no time a part of it.
        for full in (False, True):
            found = follow(revised.access(), known, full=full).known
            assert found is not None
            assert found.options in (START, AFTER)
        revision = revised.revision()
        if revision.pending is None:
            assert revised.content() == (START if revision.rev == 1 else AFTER)
            outcomes.add(revision.rev)
            continue
        with pytest.raises(ImportPending):
            write_change(revised.access(), Change({"o0": None}, "me"))
        planned = revision.pending.parts > 0
        repaired = repair(revised.access(), by="op", take_back=take_back)
        assert repaired is not None
        assert revised.content() == (AFTER if planned and not take_back else START)
        assert revised.proves()
        assert repaired.revision.rev == revised.revision().rev == 2
        found = follow(revised.access(), known).known
        assert found is not None
        assert found.options == revised.content()
        outcomes.add("repaired")
    assert outcomes == {1, 2, "repaired"} if served else {1, "repaired"}


def test_a_zombie_writes_nothing_after_its_import_was_taken_back(revised: RevisedStore) -> None:
    revised.begin(START)

    class Zombie(TimedAccess):
        def commit(self, writes: Sequence[Write], token: str) -> None:
            if len(writes) > 2 and revised.content() != START:
                # Its second part: for a minute it was not heard of, and somebody took over.
                repair(revised.access(), by="op", take_back=True)
            super().commit(writes, token)

    with pytest.raises(ImportInterrupted) as raised:
        write_import(Zombie(revised.table), IMPORT)
    assert (raised.value.written, raised.value.total) == (2, 6)
    assert isinstance(raised.value.__cause__, ChangeRefused)
    assert revised.content() == START
    assert revised.proves()
    assert revised.revision().by == "op"


def test_what_others_wrote_meanwhile_is_not_taken_back(revised: RevisedStore) -> None:
    revised.begin(START)
    dying = DyingAccess(revised.table, "prod", 9, served=True)
    with pytest.raises(Killed):
        write_import(dying, IMPORT)
    assert revised.revision().pending is not None
    assert revised.content() != START
    put(revised, "o1", text={"S": "edited"})
    repair(revised.access(), by="op", take_back=True)
    assert revised.content() == START | {"o1": packed("o", text="edited")}
    assert revised.proves()
    assert [entry.name for entry in revised.entries(2)] == ["o1"]


def test_a_failure_before_anything_is_written_leaves_nothing(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    revised.begin(START)
    proxy.fail(faults.THROTTLED, "PutItem")
    with pytest.raises(faults_throttled()):
        write_import(revised.access(), IMPORT)
    proxy.heal()
    assert revised.revision().pending is None
    assert write_change(revised.access(), Change({"o0": None}, "me")) is not None


def faults_throttled() -> type[Exception]:
    from ddbcfg_client.errors import TableThrottled

    return TableThrottled


def test_a_failure_half_way_says_how_far_it_came(revised: RevisedStore, proxy: FaultProxy) -> None:
    revised.begin(START)
    proxy.fail(faults.ERROR_500, "TransactWriteItems", after=5)
    with pytest.raises(ImportInterrupted, match="revision repair") as raised:
        write_import(revised.access(), IMPORT)
    proxy.heal()
    assert 0 < raised.value.written < raised.value.total == 6
    assert follow(revised.access(), None).how is How.PENDING
    repair(revised.access(), by="op")
    assert revised.content() == AFTER


@pytest.mark.parametrize("times", [1, 3])
def test_lost_responses_of_an_import(revised: RevisedStore, proxy: FaultProxy, times: int) -> None:
    revised.begin(START)
    for after in range(8):
        proxy.fail(faults.LOST, "TransactWriteItems", after=after, times=times)
    written = write_import(revised.access(), IMPORT)
    assert written is not None
    assert revised.content() == AFTER
    assert (revised.revision().rev, revised.proves()) == (2, True)
