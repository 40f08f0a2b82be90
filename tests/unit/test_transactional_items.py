"""The emulator for races does what the service documents of transactions and replicas."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from support.transactional.errors import Refused
from support.transactional.items import Items

A, B = ("prod", "a"), ("prod", "b")


def item(key: tuple[str, str], number: int) -> dict[str, Any]:
    return {"_store": {"S": key[0]}, "_option": {"S": key[1]}, "n": {"N": str(number)}}


def put(key: tuple[str, str], number: int, *, if_number: int | None = None) -> dict[str, Any]:
    action: dict[str, Any] = {"Item": item(key, number)}
    if if_number is not None:
        action |= {
            "ConditionExpression": "#n = :n AND attribute_not_exists(#x)",
            "ExpressionAttributeNames": {"#n": "n", "#x": "x"},
            "ExpressionAttributeValues": {":n": {"N": str(if_number)}},
        }
    return action


def made(between: Callable[[], None] = lambda: None, **settings: Any) -> Items:
    items = Items(("_store", "_option"), between=between, chance=Random(1), **settings)
    for key in (A, B):
        items.write(put(key, 0))
    return items


def numbers(items: Items) -> list[str]:
    found = items.query("prod", None, "", consistent=True)
    return [each["n"]["N"] for each in found]


def code_of(request: Callable[[], object]) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(Refused) as refused:
        request()
    return refused.value.code, refused.value.reasons


def test_half_a_transaction_is_seen_by_a_query_and_by_nothing_else() -> None:
    seen: list[list[str]] = []
    refused: list[tuple[str, tuple[str, ...]]] = []

    def look() -> None:
        seen.append(numbers(items))
        refused.append(code_of(lambda: items.together([A])))
        refused.append(code_of(lambda: items.write(put(A, 5))))
        refused.append(code_of(lambda: items.transact([put(A, 5)], "other")))
        refused.append(code_of(lambda: items.transact([put(A, 1), put(B, 1)], "token")))

    items = made(look)
    items.transact([put(A, 1), put(B, 1)], "token")
    assert seen[0] == ["0", "0"]
    assert sorted(seen[1]) == ["0", "1"]
    assert numbers(items) == ["1", "1"]
    cancelled = ("TransactionCanceledException", ("TransactionConflict",))
    assert refused[:4] == [
        cancelled,
        ("TransactionConflictException", ()),
        cancelled,
        ("TransactionInProgressException", ()),
    ]
    assert [found and found["n"]["N"] for found in items.together([A, B])] == ["1", "1"]


def test_a_failed_condition_leaves_all_items_alone() -> None:
    items = made()
    found = code_of(lambda: items.transact([put(A, 1), put(B, 1, if_number=7)], "token"))
    assert found == ("TransactionCanceledException", ("None", "ConditionalCheckFailed"))
    assert numbers(items) == ["0", "0"]
    items.transact([put(A, 1), put(B, 1, if_number=0)], "token")
    assert numbers(items) == ["1", "1"]


def test_a_token_is_honoured_once() -> None:
    items = made()
    items.transact([put(A, 1)], "token")
    items.write(put(A, 2))
    items.transact([put(A, 1)], "token")
    assert numbers(items) == ["2", "0"]
    code, _ = code_of(lambda: items.transact([put(B, 1)], "token"))
    assert code == "IdempotentParameterMismatchException"


def test_a_replica_is_late_and_no_later_than_it_may_be() -> None:
    now = 100.0
    items = made(lag=10.0, clock=lambda: now)
    now = 200.0
    items.write(put(A, 1))
    now = 205.0
    found = [items.get(A, consistent=False) for _ in range(100)]
    assert {each["n"]["N"] for each in found if each} == {"0", "1"}
    strong = items.get(A, consistent=True)
    assert strong is not None
    assert strong["n"] == {"N": "1"}
    now = 211.0
    found = [items.get(A, consistent=False) for _ in range(100)]
    assert {each["n"]["N"] for each in found if each} == {"1"}


def test_what_the_client_does_not_send_is_refused() -> None:
    items = made()
    action = put(A, 1, if_number=0) | {"ConditionExpression": "#n > :n"}
    assert code_of(lambda: items.write(action))[0] == "ValidationException"
    assert code_of(lambda: items.transact([put(A, 1), put(A, 2)], "t"))[0] == "ValidationException"
