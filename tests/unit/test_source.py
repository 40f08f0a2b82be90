"""Readings of a table whose replicas lag: values never go back."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import MisconfiguredSchemaException, TableThrottled
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.errors import SourceUnusable
from ddbcfg_daemon.sources.base import Reading
from ddbcfg_daemon.sources.store import StoreSource

THROTTLED = TableThrottled("config", "Query", "ProvisionedThroughputExceededException", "slow down")


def item(value: int) -> dict[str, Any]:
    return {"_store": {"S": "prod"}, "_option": {"S": "db"}, "value": {"N": str(value)}}


class Replicas:
    """A table of one item, and its tables: ``seen`` is what each replica that is asked holds.

    A consistent read returns ``value``; an eventually consistent one the next of ``seen``.
    """

    def __init__(self) -> None:
        self.value = 1
        self.hash_key = "_store"
        self.seen: list[int] = []
        self.reads: list[bool] = []
        self.fail: Exception | None = None
        meta = SimpleNamespace(
            events=SimpleNamespace(register=lambda *_, **__: None),
            region_name="here",
            endpoint_url="nowhere",
        )
        client: Any = SimpleNamespace(
            meta=meta, query=self._query, describe_table=lambda **_: _description(self.hash_key)
        )
        self._table = Table(client, "config")

    def _query(self, *, ConsistentRead: bool, **_: object) -> dict[str, Any]:  # noqa: N803
        self.reads.append(ConsistentRead)
        if ConsistentRead and self.fail:
            raise self.fail
        value = self.value if ConsistentRead else self.seen.pop(0)
        return {"Items": [copy.deepcopy(item(value))], "Count": 1}

    def table(self) -> Table:
        return self._table


def _description(hash_key: str = "_store") -> dict[str, Any]:
    keys = {hash_key: "HASH", "_option": "RANGE"}
    return {
        "Table": {
            "TableStatus": "ACTIVE",
            "KeySchema": [{"AttributeName": k, "KeyType": v} for k, v in keys.items()],
            "AttributeDefinitions": [{"AttributeName": k, "AttributeType": "S"} for k in keys],
        }
    }


@pytest.fixture
def replicas() -> Replicas:
    return Replicas()


@pytest.fixture
def source(replicas: Replicas) -> StoreSource:
    return StoreSource(replicas, "prod", consistent=False)


def packed(value: int) -> bytes:
    return pack_option("db", {"value": {"N": str(value)}})


def value_of(reading: Reading) -> int:
    return next(value for value in range(10) if reading.options == {"db": packed(value)})


def test_values_never_go_back_while_replicas_lag(replicas: Replicas, source: StoreSource) -> None:
    values = []
    for real, seen in [(1, 1), (2, 1), (2, 2), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (3, 2)]:
        replicas.value, replicas.seen = real, [seen]
        values.append(value_of(source.read(lambda: None)))
    # A replica that lags behind what was read is proof that there may be more: it is asked for.
    assert values == [1, 1, 2, 2, 2, 3, 3, 3, 3]


def test_an_unchanged_store_costs_nothing_more(replicas: Replicas, source: StoreSource) -> None:
    first = source.read(lambda: None)
    assert replicas.reads == [True]  # what was published before it is not known
    for _ in range(3):
        replicas.seen = [1]
        again = source.read(lambda: None)
        assert again.options is first.options
        assert again.read_at > first.read_at
    assert replicas.reads[1:] == [False] * 3


def test_a_change_that_cannot_be_confirmed_is_no_reading(
    replicas: Replicas, source: StoreSource
) -> None:
    source.read(lambda: None)
    replicas.value, replicas.seen, replicas.fail = 2, [2, 2], THROTTLED
    with pytest.raises(TableThrottled):
        source.read(lambda: None)
    replicas.fail = None
    assert value_of(source.read(lambda: None)) == 2
    assert replicas.reads == [True, False, True, False, True]


def test_a_table_of_other_keys_is_unusable_until_it_is_another(
    replicas: Replicas, source: StoreSource
) -> None:
    replicas.hash_key = "app"
    for _ in range(2):
        with pytest.raises(SourceUnusable) as caught:
            source.read(lambda: None)
        assert isinstance(caught.value.__cause__, MisconfiguredSchemaException)
        assert caught.value.kind == "MisconfiguredSchemaException"
        assert str(caught.value) == str(caught.value.__cause__)
    assert replicas.reads == []
    replicas.hash_key = "_store"  # it was made anew
    assert value_of(source.read(lambda: None)) == 1


def test_consistent_reads_need_no_confirmation(replicas: Replicas) -> None:
    source = StoreSource(replicas, "prod", consistent=True)
    for value in (1, 2, 2, 3):
        replicas.value = value
        assert value_of(source.read(lambda: None)) == value
    assert replicas.reads == [True] * 4


def test_a_reading_that_was_overtaken_is_not_what_later_ones_are_compared_with(
    replicas: Replicas, source: StoreSource
) -> None:
    def overtake() -> None:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            replicas.value = 2
            assert value_of(source.read(lambda: None)) == 2

    overtaken = False
    assert value_of(source.read(overtake)) == 1  # nobody waits for it any more
    replicas.value, replicas.seen = 2, [1]
    assert value_of(source.read(lambda: None)) == 2
