"""``numbers="native"``: int where integral, else float; whatever cannot be exact says so (G6)."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.errors import NumberInexact, NumbersRefused, SnapshotCorrupt
from ddbcfg_client.format.numbers import Inexact, canonical_text, native_number
from ddbcfg_client.format.options import unpack_native
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.testing import FakeConfig

OPTIONS: dict[str, dict[str, Any]] = {
    "db": {
        "port": 5432,
        "ratio": Decimal("0.25"),
        "nested": {"list": [1, Decimal("1.5"), {"n": -3}]},
        "ports": {1, 2, Decimal("2.5")},
        "none": None,
        "on": True,
    }
}


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig(OPTIONS, numbers="native")


def kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: kinds(member) for key, member in value.items()}
    if isinstance(value, list):
        return [kinds(member) for member in value]
    if isinstance(value, set):
        return sorted(type(member).__name__ for member in value)
    return type(value).__name__


KINDS = {
    "port": "int",
    "ratio": "float",
    "nested": {"list": ["int", "float", {"n": "int"}]},
    "ports": ["float", "int", "int"],
    "none": "NoneType",
    "on": "bool",
}


def test_every_way_of_reading_returns_native_numbers(config: FakeConfig) -> None:
    for option in (
        config.get("db"),
        config["db"],
        config.db,
        config.get()["db"],
        config.snapshot()["db"],
        config.get("db", keys=list(KINDS)),
        dict(config.snapshot())["db"],
    ):
        assert option == OPTIONS["db"]
        assert kinds(option) == KINDS


def test_decimal_stays_the_default() -> None:
    assert kinds(FakeConfig(OPTIONS).get("db")["ports"]) == ["Decimal"] * 3
    assert kinds(FakeConfig(OPTIONS, numbers="decimal").get("db")["port"]) == "Decimal"


def test_json_takes_what_native_gives(config: FakeConfig) -> None:
    nested = config.get("db")["nested"]
    assert json.dumps(nested) == '{"list": [1, 1.5, {"n": -3}]}'


def test_values_are_as_read_only_as_others(config: FakeConfig) -> None:
    with pytest.raises(TypeError, match="cannot be changed"):
        config.get("db")["nested"]["list"].append(1)
    with pytest.raises(TypeError, match="cannot be changed"):
        config.get("db")["ports"].add(1)


def test_a_copy_of_the_config_has_native_numbers_too(config: FakeConfig) -> None:
    again = pickle.loads(pickle.dumps(config))
    assert kinds(again.get("db")) == KINDS


@pytest.mark.parametrize("given", ["x", "", None, 5, ["native"]])
def test_other_kinds_of_numbers_are_refused(given: Any) -> None:
    with pytest.raises(NumbersRefused, match="'decimal' or 'native', not") as caught:
        FakeConfig(OPTIONS, numbers=given)
    assert isinstance(caught.value, ValueError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=0, min_value=-(10**38) + 1))
def test_an_integral_number_is_an_exact_int(number: Decimal) -> None:
    native = native_number(canonical_text(str(number)))
    assert type(native) is int
    assert Decimal(native) == number


@given(st.floats(min_value=-1e120, max_value=1e120, allow_subnormal=False))
def test_a_float_that_was_stored_by_its_repr_comes_back_as_itself(number: float) -> None:
    native = native_number(canonical_text(repr(number)))
    assert float(native) == number
    assert type(native) is (int if number.is_integer() else float)


def test_the_largest_and_smallest_numbers_of_dynamodb() -> None:
    nines = "9" * 38
    assert native_number(nines) == int(nines)
    assert native_number("0." + "0" * 129 + "1") == 1e-130
    assert native_number(f"{nines}{'0' * 88}") == int(nines) * 10**88
    assert native_number("0.1" + "0" * 20 + "1") == 0.1  # a float has 17 digits
    assert native_number("-0") == 0


@pytest.mark.parametrize("text", ["1E+1000000000", "1.5E-1000", "-1E-400"])
def test_a_number_that_no_table_holds_is_refused_at_once(text: str) -> None:
    with pytest.raises(Inexact):
        native_number(text)


@pytest.mark.parametrize("text", ["", "-", "--5", "NaN", "Infinity", "x", "1_0 x"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        native_number(text)


def test_members_of_a_set_that_become_one_float_are_an_error_that_names_them() -> None:
    tenth = Decimal("0.1")
    near = Decimal("0.1" + "0" * 20 + "1")
    options = {"db": {"a.b": [{"rates": {tenth, near}}]}, "web": {"port": 1}}
    config = FakeConfig(options, numbers="native")
    for _ in range(2):
        with pytest.raises(NumberInexact) as caught:
            config.get("db")
    error = caught.value
    assert (error.store, error.option, error.path) == ("test", "db", "db['a.b'][0].rates")
    assert "0.1" not in str(error)
    assert "decimal" in str(error)
    assert error.__context__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    with pytest.raises(NumberInexact):
        config.get()
    assert config.get("web") == {"port": 1}
    assert FakeConfig(options).get("db")["a.b"][0]["rates"] == {tenth, near}


def test_an_integer_beyond_floats_does_not_become_one_with_a_fraction() -> None:
    large = 2**53
    with pytest.raises(Inexact):
        unpack_native(pack_option("o", {"n": {"NS": [f"{large}", f"{large}.1"]}}))
    assert unpack_native(pack_option("o", {"n": {"NS": [f"{large}", f"{large + 1}"]}})) == {
        "n": {large, large + 1}
    }


def test_bytes_that_are_no_option_are_damage_as_with_decimals() -> None:
    with pytest.raises(ValueError, match="not an option"):
        unpack_native(b"\xc7\x01\x01x")
    assert issubclass(SnapshotCorrupt, Exception)
