"""Python values as attribute values: exact, or refused with the path and without the value."""

from __future__ import annotations

import enum
import pickle
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import ConfigError, ValueRefused
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option


class Colour(enum.StrEnum):
    RED = "red"


class Old(str, enum.Enum):  # noqa: UP042 - its str() is not its value
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class Loud(float):
    """As numpy's floats do, it does not show itself as a float does."""

    def __repr__(self) -> str:
        return f"Loud({float(self)})"


def attribute(value: Any) -> Any:
    return attributes_of("db", {"key": value})["key"]


def refusal(value: Any) -> str:
    with pytest.raises(ValueRefused) as caught:
        attribute(value)
    error = caught.value
    assert isinstance(error, ConfigError)
    assert isinstance(error, ValueError)
    assert error.__suppress_context__
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert error.where.startswith("['key']")
    return str(error)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {"NULL": True}),
        (True, {"BOOL": True}),
        (False, {"BOOL": False}),
        ("", {"S": ""}),
        ("Größe", {"S": "Größe"}),
        (Colour.RED, {"S": "red"}),
        (Old.RED, {"S": "red"}),
        (b"", {"B": b""}),
        (bytearray(b"\x00\xff"), {"B": b"\x00\xff"}),
        (0, {"N": "0"}),
        (-0.0, {"N": "0"}),
        (Decimal("-0"), {"N": "0"}),
        (Number.ONE, {"N": "1"}),
        (27017, {"N": "27017"}),
        (1.5, {"N": "1.5"}),
        (0.1, {"N": "0.1"}),
        (Loud(0.1), {"N": "0.1"}),
        (5e-130, {"N": "0." + "0" * 129 + "5"}),
        (1e23, {"N": "1" + "0" * 23}),
        (Decimal("1.0"), {"N": "1"}),
        (Decimal("1E+2"), {"N": "100"}),
        pytest.param(10**125, {"N": "1" + "0" * 125}, id="10**125"),
        (Decimal("9" * 38 + "E+88"), {"N": "9" * 38 + "0" * 88}),
        (Decimal("1E-130"), {"N": "0." + "0" * 129 + "1"}),
        (Decimal("-1." + "0" * 60), {"N": "-1"}),
        ([], {"L": []}),
        ((1, "a"), {"L": [{"N": "1"}, {"S": "a"}]}),
        ({}, {"M": {}}),
        ({"a": [None]}, {"M": {"a": {"L": [{"NULL": True}]}}}),
        ({"b", "a"}, {"SS": ["a", "b"]}),
        (frozenset({2, 1.5}), {"NS": ["1.5", "2"]}),
        ({b"b", b"a"}, {"BS": [b"a", b"b"]}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert attribute(value) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "infinite or not a number"),
        (float("-inf"), "infinite or not a number"),
        (Decimal("sNaN"), "infinite or not a number"),
        (Decimal("Infinity"), "infinite or not a number"),
        (1e126, "not within 1E-130 and 1E+126"),
        (1e-131, "not within 1E-130 and 1E+126"),
        (10**126, "not within"),
        pytest.param(10**100_000, "not within", id="10**100000"),
        (Decimal("1E+999999"), "not within"),
        (123456789012345678901234567890123456789, "39 digits, more than the 38"),
        (Decimal("0." + "1" * 39), "39 digits"),
        (2**200, "61 digits"),
        (set(), "no empty set"),
        ({1, "a"}, "all of one kind"),
        ({True}, "all of one kind"),
        ({None}, "all of one kind"),
        ({(1, 2)}, "all of one kind"),
        ({0.1, Decimal("0.1")}, "two elements of the set are the same number"),
        ("\ud800", "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        ({"": 1}, "keys must not be empty"),
        ({1: 1}, "keys must be strings, not int"),
        (object(), "no type for object"),
        (Fraction(1, 2), "no type for Fraction"),
        (1j, "no type for complex"),
        (range(3), "no type for range"),
    ],
)
def test_refusals(value: Any, reason: str) -> None:
    assert reason in refusal(value)
    assert reason in refusal([{"a": value}])


def test_the_path_to_what_is_refused() -> None:
    text = refusal({"a": [1, {"b'": [float("nan")]}]})
    assert text.startswith("""option 'db' cannot be stored at ['key']['a'][1]["b'"][0]: """)


def test_messages_do_not_show_values() -> None:
    secret = "p1anted-s3cret"
    for value in ({secret, 1}, secret + "\ud800", [secret, object()]):
        assert secret not in refusal(value)
    assert "31337" not in refusal(Decimal("31337" * 10))


@pytest.mark.parametrize("inmost", ["leaf", {1}, [], {}, ()], ids=repr)
@pytest.mark.parametrize("around", ["list", "map"])
def test_depth(inmost: Any, around: str) -> None:
    """32 lists and maps, one in another; a set is no level, an empty list is one."""

    def nested(levels: int) -> Any:
        value = inmost
        for _ in range(levels - isinstance(inmost, (list, dict, tuple))):
            value = [value] if around == "list" else {"a": value}
        return value

    assert attribute(nested(32))
    assert "nested deeper than DynamoDB's 32 levels" in refusal(nested(33))


def test_sets_in_tuples_in_sets() -> None:
    value: Any = "leaf"
    for _ in range(500):
        value = frozenset({(value,)})
    assert "all of one kind" in refusal(value)


def test_what_holds_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "nested deeper than DynamoDB's 32 levels" in refusal(endless)


def test_the_callers_data_is_not_changed() -> None:
    data = {"a": [1, {"b": {1.5}}], "c": bytearray(b"x")}
    attributes_of("db", data)
    assert data == {"a": [1, {"b": {1.5}}], "c": bytearray(b"x")}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_stored_as_its_repr_or_refused(number: float) -> None:
    if number == 0 or 1e-130 <= abs(number) < 1e126:
        assert Decimal(attribute(number)["N"]) == Decimal(repr(number))
        assert float(attribute(number)["N"]) == number
    else:
        assert "not within" in refusal(number)


@given(st.integers())
def test_every_integer_is_stored_exactly_or_refused(number: int) -> None:
    try:
        stored = attribute(number)["N"]
    except ValueRefused:
        assert len(str(abs(number)).strip("0")) > 38
    else:
        assert int(Decimal(stored)) == number


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_is_stored_exactly_or_refused(number: Decimal) -> None:
    try:
        stored = attribute(number)["N"]
    except ValueRefused:
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        assert len(digits) > 38 or not -130 <= number.adjusted() <= 125
    else:
        assert Decimal(stored) == number


def test_what_is_stored_comes_back() -> None:
    data = {"a": [1, None, {"b": {1, 2}}], "c": b"x", "d": "ü", "e": {}, "f": True}
    assert unpack_option(pack_option("db", attributes_of("db", data))) == data


def test_sizes() -> None:
    def size(**data: Any) -> int:
        return least_size(attributes_of("db", data))

    assert size(a="x" * 100) == 101
    assert size(a="ü") == 3
    assert size(a=b"12345", b=None, c=True) == 10
    assert size(a=123456) == 1 + 4
    assert size(a=-1.5) == 1 + 2
    assert size(a=10**125) == size(a=Decimal("1E-130")) == 1 + 1
    assert size(a=[1, "a"]) == 1 + 3 + 1 + 1
    assert size(a={"bc": "d"}) == 1 + 3 + 3
    assert size(a={"ab", "c"}, b={1, 2}, c={b"abc"}) == 1 + 3 + 1 + 2 + 1 + 3
