"""Every value, written and read back over HTTP: equal, and of equal type, in all config stores."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList, ReadOnlySet
from support.rig import KINDS, Rig, open_rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

# A number of 38 digits anywhere in DynamoDB's range.
NUMBERS = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(1, 10**38 - 1),
    st.integers(-130, 125 - 37),
)
INTEGERS = st.integers(-(10**38) + 1, 10**38 - 1)
FLOATS = st.floats(-1e125, 1e125).filter(lambda number: number == 0 or abs(number) >= 1e-130)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
BYTES = st.binary(max_size=20)
# dynalite is written in JavaScript, where __proto__ is no key like others.
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10).filter(
    lambda name: name != "__proto__"
)
SCALARS = st.one_of(st.none(), st.booleans(), TEXTS, BYTES, NUMBERS, INTEGERS, FLOATS)
# An emulator refuses a set with an empty string in it.
SETS = st.one_of(
    st.sets(TEXTS.filter(len), min_size=1, max_size=5),
    st.sets(BYTES.filter(len), min_size=1, max_size=5),
    st.sets(st.one_of(NUMBERS, INTEGERS), min_size=1, max_size=5),
)
VALUES = st.recursive(
    st.one_of(SCALARS, SETS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
OPTIONS = st.dictionaries(
    NAMES.filter(lambda n: n not in ("_store", "_option")), VALUES, max_size=6
)


def expected(value: Any) -> Any:
    """What a value must come back as: numbers as Decimal, collections read-only."""
    match value:
        case bool():
            return value
        case float():
            return Decimal(repr(value))
        case int():
            return Decimal(value)
        case dict():
            return ReadOnlyDict((key, expected(inner)) for key, inner in value.items())
        case list():
            return ReadOnlyList(map(expected, value))
        case set():
            return ReadOnlySet(map(expected, value))
    return value


def typed(value: Any) -> Any:
    """The value and all types in it, comparable."""
    match value:
        case dict():
            inner: Any = {key: typed(value[key]) for key in value}
        case list():
            inner = [typed(element) for element in value]
        case set():
            inner = frozenset(typed(element) for element in value)
        case _:
            inner = value
    return type(value).__name__, inner


@pytest.fixture
def rigs(client: DynamoDBClient, table_name: str) -> Iterator[list[Rig]]:
    """One store of each kind, of one table."""
    with ExitStack() as stack:
        yield [stack.enter_context(open_rig(kind, client, table_name)) for kind in KINDS]


@given(data=OPTIONS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_round_trip(rigs: list[Rig], data: dict[str, Any]) -> None:
    wanted = typed(expected(data))
    assert rigs[0].store.set("db", data) is True
    for rig in rigs:
        rig.refresh()
        assert typed(rig.config.get("db")) == wanted, rig.kind
        assert typed(rig.config.get()["db"]) == wanted, rig.kind
        keys = sorted(data)[:2]
        some = typed(expected({key: data[key] for key in keys}))
        assert typed(rig.config.get("db", keys=keys)) == some, rig.kind


@given(name=NAMES)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_option_name(rigs: list[Rig], name: str) -> None:
    assert rigs[0].store.set(name, {"a": 1}) is True
    for rig in rigs:
        rig.refresh()
        assert rig.config.get(name) == {"a": 1}
        assert list(rig.config) == [name]
    assert rigs[0].store.delete(name) is True
