"""Whatever DynamoDB can hold comes back from the notation, equal and of the same types (G6)."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.reader import loads, loads_stores
from ddbcfg_client.notation.writer import dumps
from support.notated import keys, numbers, typed, values

indents = st.none() | st.integers(0, 4)


@given(values, indents)
def test_a_value_comes_back_equal_and_of_equal_types(value: object, indent: int | None) -> None:
    assert typed(loads(dumps(value, typed=True, indent=indent), "f")) == typed(value)


@given(numbers)
def test_a_number_comes_back_with_every_digit(number: Decimal) -> None:
    back = loads(dumps(number, typed=True), "f")
    assert isinstance(back, Decimal)
    assert back == number
    assert dumps(back, typed=True) == dumps(number, typed=True)


@given(
    st.dictionaries(keys.filter(bool), st.dictionaries(keys.filter(bool), st.just({})), max_size=4)
)
def test_stores_and_options_of_any_name_come_back(stores: dict[str, dict[str, object]]) -> None:
    assert loads_stores(dumps(stores, typed=True), "f") == stores


@given(values, indents)
def test_plain_json_is_json(value: object, indent: int | None) -> None:
    json.loads(dumps(value, typed=False, indent=indent))


@given(values, st.data())
def test_a_damaged_document_is_a_notation_error_or_a_value(
    value: object, data: st.DataObject
) -> None:
    whole = dumps(value, typed=True)
    at = data.draw(st.integers(0, len(whole)))
    damaged = whole[:at] + data.draw(st.text(max_size=3)) + whole[at + 1 :]
    try:
        back = loads(damaged, "f")
    except NotationError as error:
        assert str(error).startswith("f")
    else:
        assert typed(loads(dumps(back, typed=True), "f")) == typed(back)


@given(st.text())
def test_any_text_at_all_is_a_notation_error_or_a_value(document: str) -> None:
    try:
        loads(document, "f")
    except NotationError as error:
        assert str(error).startswith("f")


@given(st.floats())
def test_no_float_is_ever_written(number: float) -> None:
    with pytest.raises(TypeError):
        dumps({"a": number}, typed=True)
