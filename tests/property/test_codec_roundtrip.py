"""G6, exact: every DynamoDB value comes back as boto3 would give it, from one canonical packing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import DYNAMODB_CONTEXT, Binary, TypeDeserializer
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.errors import MalformedValue
from ddbcfg_client.format.index import split_entry
from ddbcfg_client.format.numbers import Inexact
from ddbcfg_client.format.options import unpack_native, unpack_option
from ddbcfg_client.format.values import pack_name, pack_option
from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList, ReadOnlySet

SECRET = "hunter2-is-the-secret"

# --- DynamoDB's attribute values, as botocore gives them -----------------------------------------


@st.composite
def number_texts(draw: st.DrawFn) -> str:
    """Numbers that DynamoDB and boto3 can hold: 38 digits, 1E-130 to 9.9…E+125, any spelling."""
    digits = str(draw(st.integers(0, 10**38 - 1)))
    adjusted = draw(st.integers(-130, 125))
    # boto3 itself refuses digits past the 165th decimal place, and 39 digits though they are zeros.
    number = Decimal(f"{digits}E{max(adjusted - len(digits) + 1, -165)}")
    plain = len(digits) <= 38 and 0 <= -number.as_tuple().exponent <= 37
    sign = draw(st.sampled_from(["", "-"]))
    return sign + (f"{number:f}" if plain and draw(st.booleans()) else str(number))


EXTREMES = [
    "0",
    "-0",
    "1E-130",
    "-1E-130",
    "9.9999999999999999999999999999999999999E+125",
    "-9.9999999999999999999999999999999999999E+125",
    "99999999999999999999999999999999999999",
    "0.00000000000000000000000000000000000001",
    "1.0",
    "1.00",
]

texts = st.text(max_size=40)
binaries = st.binary(max_size=40)
numbers = st.one_of(st.sampled_from(EXTREMES), number_texts())

scalars = st.one_of(
    texts.map(lambda value: {"S": value}),
    numbers.map(lambda value: {"N": value}),
    binaries.map(lambda value: {"B": value}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    st.lists(texts, min_size=1, max_size=5, unique=True).map(lambda value: {"SS": value}),
    st.lists(numbers, min_size=1, max_size=5, unique_by=Decimal).map(lambda value: {"NS": value}),
    st.lists(binaries, min_size=1, max_size=5, unique=True).map(lambda value: {"BS": value}),
)
attributes = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(lambda value: {"L": value}),
        st.dictionaries(texts, inner, max_size=5).map(lambda value: {"M": value}),
    ),
    max_leaves=8,
)
options = st.dictionaries(texts, attributes, max_size=4)


def by_boto3(option: dict[str, Any]) -> dict[str, Any]:
    return {key: TypeDeserializer().deserialize(value) for key, value in option.items()}


def exactly(value: Any) -> Any:
    """Something to compare that tells True from 1 and a list from a set."""
    match value:
        case Decimal():
            return ("N", value)
        case Binary():
            return ("B", bytes(value.value))
        case bytes():
            return ("B", value)
        case bool() | None:
            return ("BOOL", value)
        case dict():
            return ("M", {key: exactly(element) for key, element in value.items()})
        case list():
            return ("L", [exactly(element) for element in value])
        case set():
            return ("set", {exactly(element) for element in value})
    return value


def types_in(value: Any) -> set[type]:
    found = {type(value)}
    if isinstance(value, dict):
        return found.union(*(types_in(element) for pair in value.items() for element in pair))
    if isinstance(value, list | set):
        return found.union(*map(types_in, value))
    return found


DOCUMENTED = {str, Decimal, bytes, bool, type(None), ReadOnlyDict, ReadOnlyList, ReadOnlySet}


# --- the properties ------------------------------------------------------------------------------


@settings(max_examples=150)
@given(options)
def test_every_value_comes_back_as_boto3_would_give_it(option: dict[str, Any]) -> None:
    value = unpack_option(pack_option("o", option))
    assert exactly(value) == exactly(by_boto3(option))
    assert value == by_boto3(option)
    assert types_in(value) <= DOCUMENTED
    assert unpack_option(pack_option("o", option)) == value


@given(numbers)
def test_every_number_keeps_every_digit(text: str) -> None:
    number = unpack_option(pack_option("o", {"n": {"N": text}}))["n"]
    assert number == DYNAMODB_CONTEXT.create_decimal(text)


def shuffled(value: Any, shuffle: Callable[[list[Any]], list[Any]]) -> Any:
    """The same attribute value with its maps and sets in another order; a list's is content."""
    ((kind, content),) = value.items()
    match kind:
        case "M":
            content = {key: shuffled(content[key], shuffle) for key in shuffle(list(content))}
        case "L":
            content = [shuffled(element, shuffle) for element in content]
        case "SS" | "NS" | "BS":
            content = shuffle(content)
    return {kind: content}


@settings(max_examples=50)
@given(options, st.randoms(use_true_random=False))
def test_equal_content_gives_equal_bytes_in_whatever_order_it_came(
    option: dict[str, Any], random: Any
) -> None:
    def shuffle(elements: list[Any]) -> list[Any]:
        return random.sample(elements, len(elements))

    again = {key: shuffled(option[key], shuffle) for key in shuffle(list(option))}
    assert pack_option("o", again) == pack_option("o", option)


@settings(max_examples=50)
@given(options, options)
def test_different_content_gives_different_bytes(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    same = exactly(by_boto3(one)) == exactly(by_boto3(other))
    assert (pack_option("o", one) == pack_option("o", other)) == same


@given(st.text(max_size=300), st.binary(max_size=20))
def test_an_entry_is_split_where_the_name_ends(name: str, packed: bytes) -> None:
    raw = pack_name(name) + packed
    found, start = split_entry(raw)
    assert (found, raw[start:]) == (name, packed)


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 1024, 65535, 65536])
def test_an_entry_is_split_at_every_length_of_name(length: int) -> None:
    assert split_entry(pack_name("x" * length) + b"\x80") == (
        "x" * length,
        len(pack_name("x" * length)),
    )


@pytest.mark.parametrize(
    "text",
    ["1.0000000000000000000000000000000000001E-130", "1" + "0" * 125, "0." + "0" * 129 + "1"],
)
def test_numbers_that_boto3_refuses_are_exact_too(text: str) -> None:
    assert unpack_option(pack_option("o", {"n": {"N": text}}))["n"] == Decimal(text)


# --- what is no attribute value ------------------------------------------------------------------

MALFORMED: list[Any] = [
    None,
    SECRET,
    [],
    {},
    {"S": SECRET, "N": "1"},
    {"X": SECRET},
    {SECRET: SECRET},
    {"S": 5},
    {"S": SECRET.encode()},
    {"S": f"{SECRET}\ud800"},
    {"N": SECRET},
    {"N": 5},
    {"N": 1.5},
    {"N": True},
    {"N": None},
    {"N": "NaN"},
    {"N": "sNaN"},
    {"N": "-Infinity"},
    {"N": "1E+99999999999999999999"},
    {"N": f"{SECRET}\ud800"},
    {"B": SECRET},
    {"B": 5},
    {"B": 10**15},
    {"B": [1, 2]},
    {"BOOL": SECRET},
    {"BOOL": 1},
    {"M": [SECRET]},
    {"M": []},
    {"M": {5: {"S": SECRET}}},
    {"M": {f"{SECRET}\ud800": {"S": SECRET}}},
    {"M": {"a": SECRET}},
    {"L": SECRET},
    {"L": {"S": SECRET}},
    {"L": None},
    {"SS": SECRET},
    {"SS": [1, 2]},
    {"SS": [SECRET, 1]},
    {"SS": [SECRET.encode()]},
    {"NS": "12"},
    {"NS": [SECRET]},
    {"NS": [1]},
    {"BS": SECRET.encode()},
    {"BS": [3]},
    {"BS": [SECRET]},
]


@settings(max_examples=200)
@given(st.sampled_from(MALFORMED), st.lists(st.sampled_from("LM"), max_size=4))
def test_a_malformed_value_is_refused_without_telling_it(malformed: Any, around: list[str]) -> None:
    """However deep it is; G9: a value may be a secret."""
    for kind in around:
        neighbour = {"S": "x"}
        inside = {"L": [neighbour, malformed], "M": {"a": malformed, "b": neighbour}}
        malformed = {kind: inside[kind]}
    option = {"a": {"S": SECRET}, "key": malformed, "z": {"N": "1"}}
    with pytest.raises(MalformedValue) as caught:
        pack_option("option", option)
    error = caught.value
    assert (error.option, error.key) in {("option", "key"), ("option", "*")}
    assert "option 'option'" in str(error)
    assert SECRET not in f"{error} {error!r} {error.args}"
    assert error.__suppress_context__


@pytest.mark.parametrize("malformed", MALFORMED, ids=lambda value: ascii(value)[:40])
def test_a_malformed_value_is_refused(malformed: Any) -> None:
    with pytest.raises(MalformedValue):
        pack_option("option", {"key": malformed})


def test_a_value_that_is_nested_too_deep_is_refused() -> None:
    attribute: dict[str, Any] = {"S": "x"}
    for _ in range(5000):
        attribute = {"L": [attribute]}
    with pytest.raises(MalformedValue):
        pack_option("option", {"key": attribute})


def test_a_value_as_deep_as_dynamodb_allows_comes_back() -> None:
    attribute: dict[str, Any] = {"N": "1"}
    for _ in range(32):
        attribute = {"L": [attribute]}
    assert unpack_option(pack_option("o", {"k": attribute})) == by_boto3({"k": attribute})


@pytest.mark.parametrize("name", ["\ud800", "a\udfff"])
def test_a_name_that_utf8_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(MalformedValue):
        pack_option(name, {})
    with pytest.raises(MalformedValue):
        pack_option("o", {name: {"S": "x"}})


# --- what is no packed option --------------------------------------------------------------------


def check_option_or_error(raw: bytes) -> None:
    for unpack in (unpack_option, unpack_native):
        try:
            assert type(unpack(raw)) is ReadOnlyDict
        except ValueError as error:
            assert str(error).startswith("not an option (")
        except Inexact:
            assert unpack is unpack_native


@settings(max_examples=300)
@given(st.binary(max_size=80))
def test_any_bytes_are_an_option_or_a_value_error(raw: bytes) -> None:
    check_option_or_error(raw)


@given(options, st.data())
def test_damaged_bytes_are_an_option_or_a_value_error(
    option: dict[str, Any], data: st.DataObject
) -> None:
    raw = bytearray(pack_option("o", option))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check_option_or_error(bytes(raw))


@given(st.binary(max_size=40))
def test_any_bytes_are_an_entry_or_a_value_error(raw: bytes) -> None:
    try:
        name, start = split_entry(raw)
    except ValueError:
        return
    assert start <= len(raw)
    assert raw[:start].endswith(name.encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x90",
        b"\xc0",
        b"\x81\xa1a\xdf\xff\xff\xff\xff",  # a map of 2**32 - 1 keys
        b"\x81\xa1a\xdd\xff\xff\xff\xff",  # an array as long
        b"\x81\xa1a\xc6\xff\xff\xff\xff",  # a binary as long
        b"\x81\xa1a\xc9\xff\xff\xff\xff\x01",  # an extension as long
        b"\x91" * 100_000,
        b"\x81\xa1a\xd4\x01x",  # a number that is none
        b"\x81\xa1a\xc7\x03\x01NaN",
        b"\x81\xa1a\xd4\x02\x05",  # a set that is no array
        b"\x81\xa1a\xd5\x02\x91\x05",  # of other elements
        b"\x81\xa1a\xd4\x09\x90",  # an unknown extension type
        b"\x80\x80",  # more than one
    ],
    ids=lambda raw: raw[:12].hex(),
)
def test_what_no_publisher_writes_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not an option"):
        unpack_option(raw)
