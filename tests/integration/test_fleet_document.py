"""The permissions of docs/fleet.md: its table is what is requested, its policies what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import importing, writing
from ddbcfg_client.dynamodb.revision.enabling import Settings, disable, enable
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.history import past, records
from ddbcfg_client.dynamodb.revision.known import Known
from ddbcfg_client.dynamodb.revision.purging import purge
from ddbcfg_client.dynamodb.revision.repairing import repair
from ddbcfg_client.dynamodb.revision.syncing import sync
from ddbcfg_client.dynamodb.revision.whole import whole
from ddbcfg_client.dynamodb.store_writer import StoreWriter
from support.policies import NEEDS, POLICIES
from support.revisions import RevisedStore, TimedAccess, packed

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy

Needed = set[tuple[str, str | None]]
Act = Callable[[RevisedStore, "FaultProxy"], Needed]

# What requests need: the permissions for what a transaction does, none of its own name.
ACTIONS = {"Get": "GetItem", "Put": "PutItem", "Delete": "DeleteItem"}


class Policy:
    """What a policy of the page allows."""

    def __init__(self, whose: str) -> None:
        self._statements = POLICIES[whose]["Statement"]

    def allows(self, action: str, store: str | None) -> bool:
        return any(self._matches(statement, action, store) for statement in self._statements)

    def everything(self) -> Needed:
        """What it allows on the store, its revisions and the table."""
        return {
            pair
            for action in [*ACTIONS.values(), "UpdateItem", "Query", "DescribeTable"]
            for pair in ((action, store) for store in ("prod", "_ddbcfg/prod", None))
            if self.allows(*pair) and (pair[1] is None) == (action == "DescribeTable")
        }

    def _matches(self, statement: Mapping[str, Any], action: str, store: str | None) -> bool:
        actions = statement["Action"]
        if f"dynamodb:{action}" not in ([actions] if isinstance(actions, str) else actions):
            return False
        [keys] = statement.get("Condition", {"": {"": None}}).values()
        leading = keys.get("dynamodb:LeadingKeys")
        return leading is None or (store is not None and store in leading)


def needed(proxy: FaultProxy) -> Needed:
    """The action and the hash key of everything that was requested since the last time."""
    requests = proxy.requests
    proxy.reset()
    return {pair for request in requests for pair in _needed(request.operation, request.body)}


def _needed(operation: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    if "Table" in operation:
        yield operation, None
    elif operation == "Query":
        yield operation, body["ExpressionAttributeValues"][":s"]["S"]
    elif operation.startswith("Transact"):
        for action in body["TransactItems"]:
            [(kind, what)] = action.items()
            yield ACTIONS[kind], (what.get("Item") or what["Key"])["_store"]["S"]
    else:
        yield operation, (body.get("Item") or body["Key"])["_store"]["S"]


def edit(store: RevisedStore, proxy: FaultProxy, value: str) -> None:
    """Write an option as the console does, which is not what is looked at."""
    item: Any = {**store.place.key_names.key("prod", "db"), "a": {"S": value}}
    store.client.put_item(TableName=store.place.table, Item=item)
    proxy.reset()


def change(store: RevisedStore, proxy: FaultProxy) -> None:
    """Make revisions 2 and 3, which are in the log too."""
    with DynamoDBConfigStore(store.client, store.place.table, "prod") as writer:
        writer.set("db", {"a": 2})
        writer.set("db", {"a": 3})
    proxy.reset()


def poll(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What a daemon does: from nothing, from change items, in doubt."""
    store.table.check()
    known = follow(store.access(), None).known
    assert known is not None
    follow(store.access(), Known(known.epoch, known.rev - 1, b"", {}, 0))
    found = needed(proxy)
    edit(store, proxy, "in doubt")
    follow(store.access(), known, full=True)
    return found | needed(proxy)


def read(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What a program reads without a daemon."""
    with DynamoDBConfigStore(store.client, store.place.table, "prod") as reader:
        reader.config.get()
        reader.config.get("db")
    return needed(proxy)


def write_all(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What a writer does: changes with and without revisions, an import, its history."""
    with DynamoDBConfigStore(store.client, store.place.table, "plain") as writer:
        writer.set("db", {"a": 1})
        StoreWriter(store.table, "plain").merge("db", {"a": {"N": "2"}})
        writer.delete("db")
    found = {(action, key and key.replace("plain", "prod")) for action, key in needed(proxy)}
    with DynamoDBConfigStore(store.client, store.place.table, "prod") as writer:
        writer.set("db", {"a": 2}, if_unchanged=1)
        writer.set_many({f"o{number}": {"a": 1} for number in range(4)}, delete=["db"])
    access = store.access()
    assert [past(access, record.rev).rev for record in records(access)] == [3, 2]
    assert repair(access, by="me", new_epoch=True) is not None
    return found | needed(proxy)


def scribe(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What a scribe does, without a memory, with one, and with one that is behind."""
    edit(store, proxy, "b")
    known = sync(store.access(), None, by="me").known
    found = needed(proxy)
    edit(store, proxy, "c")
    assert known is not None
    sync(store.access(), known, by="me")
    found |= needed(proxy)
    edit(store, proxy, "d")
    sync(store.access(), Known(known.epoch, known.rev - 1, b"", {}, 0), by="me")
    return found | needed(proxy)


def begin(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What makes the first revision of a store, above the change items that are left."""
    disable(store.access())
    needed(proxy)
    enable(store.access(), Settings(), by="me")
    return needed(proxy)


def end(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What deletes history, also from the revision's log, and then the revisions."""
    change(store, proxy)
    purge(store.access(), before=3)
    disable(store.access())
    return needed(proxy)


def look(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What shows the history and whether the store is what the revision says."""
    change(store, proxy)
    access = store.access()
    assert [record.rev for record in records(access)] == [3, 2]
    past(access, 2)
    follow(access, None, full=True)
    return needed(proxy)


def export(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What reads a store as it is at one revision."""
    assert whole(store.access()) is not None
    return needed(proxy)


@pytest.fixture
def store(
    revised: RevisedStore, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> RevisedStore:
    """A store at revision 1, whose imports begin at three options."""
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(writing, "MOST_OPTIONS", 2)
    monkeypatch.setattr(importing, "PART_OPTIONS", 2)
    revised.begin({"db": packed("db", a=1)})
    proxy.reset()
    return revised


@pytest.mark.parametrize(
    ("row", "act"),
    [
        ("daemon", poll),
        ("DynamoDBConfigStore that only reads", read),
        ("writer", write_all),
        ("scribe", scribe),
        ("`revision enable`", begin),
        ("`revision disable`", end),
        ("`history`", look),
        ("`export`", export),
    ],
)
def test_each_row_of_the_table_is_what_is_requested(
    store: RevisedStore, proxy: FaultProxy, row: str, act: Act
) -> None:
    [needs] = (pairs for name, pairs in NEEDS.items() if name.startswith(row))
    assert act(store, proxy) == needs


def test_each_policy_allows_what_the_table_says_and_no_more() -> None:
    rows = {
        "daemon": ("daemon", "DynamoDBConfigStore that only reads"),
        "writer": ("writer", "`revision enable`", "`history`", "`export`"),
        "scribe": ("scribe",),
        "operator": tuple(NEEDS),
    }
    for whose, names in rows.items():
        needs = {pair for row in NEEDS for pair in NEEDS[row] if row.startswith(names)}
        policy = Policy(whose)
        # One statement of the operator's names both keys.
        spare = {("UpdateItem", "_ddbcfg/prod")} if whose == "operator" else set()
        assert policy.everything() == needs | spare, whose
        assert not any(policy.allows(action, "test") for action, key in needs if key), "another"
