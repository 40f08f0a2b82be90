"""Changes of a few options: one transaction each, whatever fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ddbcfg_client.dynamodb.revision.access import Write
from ddbcfg_client.dynamodb.revision.importing import write
from ddbcfg_client.dynamodb.revision.writing import Change, TooLarge, Written, write_change
from ddbcfg_client.errors import (
    ChangeRefused,
    ChangeUncertain,
    CredentialsRefused,
    TableThrottled,
    TransactionRefused,
)
from support import fault_proxy as faults
from support.fault_proxy import FaultProxy
from support.revision_writing import DB, START, WEB, change
from support.revisions import DyingAccess, Killed, RevisedStore, TimedAccess, noise, packed

SECRET = "p1anted-s3cret"


def test_without_a_revision_nothing_is_written(revised: RevisedStore, proxy: FaultProxy) -> None:
    assert write_change(revised.access(), change(db=DB)) is None
    assert [request.operation for request in proxy.requests] == ["TransactGetItems"]
    assert revised.content() == {}


def test_a_change_is_two_requests(revised: RevisedStore, proxy: FaultProxy) -> None:
    first = revised.begin(START)
    proxy.reset()
    written = write_change(revised.access(), Change({"db": None, "new": WEB}, "me", "because"))
    assert [r.operation for r in proxy.requests] == ["TransactGetItems", "TransactWriteItems"]
    entries = (("db", DB, None), ("new", None, WEB))
    assert written == Written(first.epoch, 2, entries)
    assert revised.content() == {"web": WEB, "new": WEB}
    assert revised.proves()
    now = revised.revision()
    assert (now.rev, now.count, now.by, now.base) == (2, 2, "me", 1)
    assert now.changes_after(1) == [(2, "db", None), (2, "new", WEB)]
    assert revised.entries(2) == list(entries)
    (last,) = revised.access().changes_below(10**12, 1)
    assert last["_option"] == {"S": "change/000000000002"}


def test_what_changes_nothing_makes_no_revision(revised: RevisedStore) -> None:
    revised.begin(START)
    written = write_change(revised.access(), change(db=DB, nope=None))
    assert written is not None
    assert (written.rev, written.entries) == (1, ())
    assert revised.revision().rev == 1


def test_if_absent(revised: RevisedStore) -> None:
    revised.begin(START)
    there = Change({"db": WEB, "new": WEB}, "me", if_absent=True)
    assert write_change(revised.access(), there).entries == ()  # type: ignore[union-attr]
    assert revised.content() == START
    new = Change({"new": WEB}, "me", if_absent=True)
    assert write_change(revised.access(), new).rev == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("count", [98, 99, 300])
def test_options_of_one_change_and_of_several_transactions(
    revised: RevisedStore, proxy: FaultProxy, count: int
) -> None:
    revised.begin(START)
    options = {f"o{number}": packed("o", n=number) for number in range(count)}
    proxy.reset()
    written = write(revised.access(), Change(options, "me"))
    assert written is not None
    assert (written.rev, len(written.entries)) == (2, count)
    assert revised.content() == START | options
    assert revised.proves()
    assert len(revised.entries(2)) == count
    largest = [
        len(r.body["TransactItems"]) for r in proxy.requests if r.operation == "TransactWriteItems"
    ]
    assert max(largest) <= 100
    assert len(largest) == (1 if count == 98 else 4 + -(-count // 97))


def test_names_of_1000_bytes(revised: RevisedStore) -> None:
    revised.begin()
    options = {noise(number, 499).hex() + "é": WEB for number in range(98)}
    written = write(revised.access(), Change(options, "me"))
    assert written is not None
    assert revised.content() == options
    assert [entry.name for entry in revised.entries(2)] == sorted(options)
    # More than the log has room for: hosts go by the change items, or read the store.
    assert revised.revision().changes_after(1) is None
    assert revised.revision().changes_after(2) == []


def test_large_options_have_their_values_before_and_after_on_record(revised: RevisedStore) -> None:
    """Random bytes, near the 400 KB of an item, so that before and after do not fit one."""
    blobs = [packed("o", b=noise(seed, 395_000)) for seed in range(4)]
    revised.begin({"a": blobs[0], "b": blobs[1]})
    written = write(revised.access(), change(a=blobs[2], b=blobs[3]))
    assert written is not None
    assert revised.content() == {"a": blobs[2], "b": blobs[3]}
    expected = [("a", blobs[0], blobs[2]), ("b", blobs[1], blobs[3])]
    assert revised.entries(written.rev) == expected
    assert revised.proves()


def test_what_takes_more_than_a_transaction_is_not_begun_as_one(revised: RevisedStore) -> None:
    revised.begin(START)
    blob = packed("o", b=noise(1, 390_000))
    many = Change({f"o{number}": blob for number in range(12)}, "me")
    with pytest.raises(TooLarge):
        write_change(revised.access(), many)
    assert revised.content() == START
    written = write(revised.access(), many)
    assert written is not None
    assert len(revised.content()) == 14
    assert revised.proves()


# --- what fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize("served", [True, False], ids=["response lost", "request lost"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_response_neither_loses_nor_doubles(
    revised: RevisedStore, proxy: FaultProxy, times: int, served: bool
) -> None:
    revised.begin(START)
    proxy.reset()
    proxy.fail(faults.LOST if served else faults.CLOSED, "TransactWriteItems", times=times)
    written = write_change(revised.access(), change(db=WEB))
    assert written is not None
    assert written.rev == revised.revision().rev == 2
    assert revised.proves()
    sent = [r.body for r in proxy.requests if r.operation == "TransactWriteItems"]
    # The very same request each time, with the same token.
    assert all(body == sent[0] for body in sent)
    assert sent[0]["ClientRequestToken"]


def test_after_a_lost_response_another_writer_is_not_taken_for_this_one(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    revised.begin(START)
    other = revised.access()

    class Overtaken(TimedAccess):
        def wait(self, seconds: float) -> None:
            if not self.waited:
                proxy.heal()
                write_change(other, change("other", db=None))
            super().wait(seconds)

    proxy.fail(faults.CLOSED, "TransactWriteItems", times=1)
    written = write_change(Overtaken(revised.table), change(db=WEB))
    assert written is not None
    assert written.rev == 3
    assert written.entries == (("db", None, WEB),)
    assert [revised.entries(rev)[0].after for rev in (2, 3)] == [None, WEB]
    assert revised.proves()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.CLOSED, ChangeUncertain),
        (faults.ERROR_500, ChangeUncertain),
        (faults.GARBAGE, ChangeUncertain),
        (faults.THROTTLED, TableThrottled),
        (faults.refusal("conflict", 400, "TransactionConflictException"), ChangeRefused),
        (faults.refusal("progress", 400, "TransactionInProgressException"), ChangeUncertain),
        (faults.EXPIRED, CredentialsRefused),
    ],
    ids=str,
)
def test_failures_without_end_are_bounded_and_typed(
    revised: RevisedStore, proxy: FaultProxy, fault: faults.Fault, error: type[Exception]
) -> None:
    revised.begin(START)
    proxy.reset()
    proxy.fail(fault, "TransactWriteItems")
    access = revised.access()
    with pytest.raises(error) as raised:
        write_change(access, change(db=packed("db", password=SECRET)))
    assert SECRET not in str(raised.value)
    assert sum(access.waited) < 300
    proxy.heal()
    assert revised.content() == START
    assert revised.proves()


def test_a_response_that_is_lost_for_good_can_be_found_out(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    """Every response is lost, and the record cannot be read either."""
    revised.begin(START)
    proxy.fail(faults.LOST, "TransactWriteItems")
    proxy.fail(faults.CLOSED, "GetItem")
    with pytest.raises((ChangeUncertain, faults_error())) as raised:
        write_change(revised.access(), change(db=WEB))
    proxy.heal()
    if isinstance(raised.value, ChangeUncertain):
        item = revised.access().change(raised.value.revision)
        assert item is not None
        assert item["token"] == {"S": raised.value.token}
    assert revised.content()["db"] == WEB


def faults_error() -> type[Exception]:
    from ddbcfg_client.errors import TableUnreachable

    return TableUnreachable


def test_what_the_service_will_never_take_is_not_tried_again(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    revised.begin(START)
    proxy.reset()
    proxy.fail(_cancelled("ValidationError"), "TransactWriteItems")
    with pytest.raises(TransactionRefused) as raised:
        write_change(revised.access(), change(db=WEB))
    assert raised.value.reasons == ("None", "ValidationError")
    assert proxy.count("TransactWriteItems") == 1


def _cancelled(code: str) -> faults.Fault:
    import json

    body = {
        "__type": faults.PREFIX + "TransactionCanceledException",
        "message": f"Transaction cancelled [None, {code}]",
        "CancellationReasons": [{"Code": "None"}, {"Code": code}],
    }
    return faults.Fault("cancelled", 400, lambda _: json.dumps(body).encode(), served=False)


def test_a_writer_that_may_not_touch_the_revision_says_which_permission(
    revised: RevisedStore, proxy: FaultProxy
) -> None:
    proxy.fail(faults.DENIED, "TransactGetItems")
    with pytest.raises(CredentialsRefused) as raised:
        write_change(revised.access(), change(db=WEB))
    assert "dynamodb:GetItem" in str(raised.value)
    assert "'_ddbcfg/prod'" in str(raised.value)


def test_other_writers_that_are_always_faster(revised: RevisedStore) -> None:
    revised.begin(START)
    other = revised.access()

    class Overtaken(TimedAccess):
        def commit(self, writes: Sequence[Write], token: str) -> None:
            write_change(other, change("other", web=packed("web", n=len(self.waited))))
            super().commit(writes, token)

    with pytest.raises(ChangeRefused):
        write_change(Overtaken(revised.table), change(db=WEB))
    assert revised.content()["db"] == DB
    assert revised.proves()


@pytest.mark.parametrize("served", [True, False])
def test_a_writer_that_dies_leaves_all_or_nothing(revised: RevisedStore, served: bool) -> None:
    revised.begin(START)
    for last in (1, 2):
        before = revised.content()
        new = {"db": packed("db", n=last), "web": None if last == 1 else packed("web", n=last)}
        dying = DyingAccess(revised.table, "prod", last, served=served)
        with pytest.raises(Killed):
            write_change(dying, change(**new))
        written = served and last == 2
        assert revised.content() == ({k: v for k, v in new.items() if v} if written else before)
        assert revised.proves()
