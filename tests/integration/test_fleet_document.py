"""The policies of docs/fleet.md allow what each role requests, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from support.policies import POLICIES
from support.revisions import RevisedStore, TimedAccess, packed

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy

# What requests need: the permissions for what a transaction does, none of its own name.
ACTIONS = {"Get": "GetItem", "Put": "PutItem", "Delete": "DeleteItem"}


class Policy:
    """What a policy of the page allows."""

    def __init__(self, whose: str) -> None:
        self._statements = POLICIES[whose]["Statement"]

    def allows(self, action: str, store: str | None) -> bool:
        return any(self._matches(statement, action, store) for statement in self._statements)

    def _matches(self, statement: Mapping[str, Any], action: str, store: str | None) -> bool:
        actions = statement["Action"]
        if f"dynamodb:{action}" not in ([actions] if isinstance(actions, str) else actions):
            return False
        [keys] = statement.get("Condition", {"": {"": None}}).values()
        leading = keys.get("dynamodb:LeadingKeys")
        return leading is None or (store is not None and store in leading)


Needed = set[tuple[str, str | None]]


def needed(proxy: FaultProxy) -> Needed:
    """The action and the hash key of everything that was requested since the last time."""
    requests = proxy.requests
    proxy.reset()
    return {pair for request in requests for pair in _needed(request.operation, request.body)}


def _needed(operation: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    if operation == "DescribeTable":
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


def write_all(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What a writer does: changes, an import, its history."""
    with DynamoDBConfigStore(store.client, store.place.table, "prod") as writer:
        proxy.reset()  # that looks whether there is a table
        writer.set("db", {"a": 2}, if_unchanged=1)
        writer.set_many({f"o{number}": {"a": 1} for number in range(4)}, delete=["db"])
    access = store.access()
    assert [past(access, record.rev).rev for record in records(access)] == [3, 2]
    return needed(proxy)


def scribe(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What a scribe does, without a memory and with one."""
    edit(store, proxy, "b")
    known = sync(store.access(), None, by="me").known
    found = needed(proxy)
    edit(store, proxy, "c")
    sync(store.access(), known, by="me")
    return found | needed(proxy)


def operate(store: RevisedStore, proxy: FaultProxy) -> Needed:
    """What an operator does beside writing: deletes the history, ends and begins the revisions."""
    edit(store, proxy, "b")
    sync(store.access(), None, by="me")
    purge(store.access(), before=2)
    disable(store.access())
    enable(store.access(), Settings(), by="me")
    return needed(proxy)


@pytest.mark.parametrize(
    ("whose", "act"),
    [("daemon", poll), ("writer", write_all), ("scribe", scribe), ("operator", operate)],
)
def test_the_policy_allows_what_is_requested(
    revised: RevisedStore,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    whose: str,
    act: Any,
) -> None:
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(writing, "MOST_OPTIONS", 2)
    monkeypatch.setattr(importing, "PART_OPTIONS", 2)
    revised.begin({"db": packed("db", a=1)})
    proxy.reset()
    found = act(revised, proxy)
    policy = Policy(whose)
    assert {pair for pair in found if not policy.allows(*pair)} == set()
    assert ("GetItem", "_ddbcfg/prod") in found
    for action in ("PutItem", "DeleteItem", "Query"):
        assert not policy.allows(action, "test"), "another store"
    may_delete_the_record = policy.allows("DeleteItem", "_ddbcfg/prod")
    assert may_delete_the_record == (("DeleteItem", "_ddbcfg/prod") in found)
    assert may_delete_the_record == (whose == "operator")
    assert policy.allows("PutItem", "prod") == (whose in ("writer", "operator"))


def test_a_writer_can_repair(revised: RevisedStore, proxy: FaultProxy) -> None:
    revised.begin({"db": packed("db", a=1)})
    proxy.reset()
    assert repair(revised.access(), by="me", new_epoch=True) is not None
    policy = Policy("writer")
    assert all(policy.allows(*pair) for pair in needed(proxy))
