"""``config.get(option, as_=...)``: types that stand for others, and exact numbers (G6, G9)."""

from __future__ import annotations

import dataclasses
import functools
import gc
import weakref
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, NewType, Union

import attrs
import msgspec
import pydantic
import pytest
import typing_extensions

from ddbcfg_client.errors import NumberInexact, OptionInvalid
from ddbcfg_client.objects import converters
from ddbcfg_client.testing import FakeConfig

EXACT = Decimal("1.2345678901234567890123456789")
SECRET = "hunter2"


@dataclasses.dataclass(frozen=True)
class Host:
    host: str


@dataclasses.dataclass(frozen=True)
class Named:
    host: str


@attrs.frozen
class Attrs:
    host: str


class Struct(msgspec.Struct, frozen=True):
    host: str


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig({"db": {"host": "h", "port": 1}})


@pytest.mark.parametrize("target", [Host, Attrs, Struct])
def test_a_new_type_or_an_alias_is_what_it_stands_for(config: FakeConfig, target: Any) -> None:
    named: Any = NewType("Named", target)
    for stand_in in (
        named,
        NewType("Twice", named),
        typing_extensions.TypeAliasType("Alias", target),  # type: ignore[valid-type]
    ):
        assert config.get("db", as_=stand_in) == target("h")
        assert type(config.bind("db", lambda made: made, as_=stand_in)()) is target


def test_a_union_is_not_the_one_with_another_order(config: FakeConfig) -> None:
    # Python calls them equal.
    assert type(config.get("db", as_=Union[Host, Named])) is Host  # noqa: UP007 - what it is about
    assert type(config.get("db", as_=Union[Named, Host])) is Named  # noqa: UP007 - what it is about
    config = FakeConfig({"db": {"a": {"host": "h"}}})
    assert type(config.get("db", as_=dict[str, Host | Named])["a"]) is Host
    assert type(config.get("db", as_=dict[str, Named | Host])["a"]) is Named


def test_equal_hints_give_one_object(config: FakeConfig) -> None:
    one, other = Host | None, Host | None
    assert one is not other
    assert config.get("db", as_=one) is config.get("db", as_=other)


class Editing(pydantic.BaseModel):
    exact: Decimal

    @pydantic.model_validator(mode="before")
    @classmethod
    def drop(cls, option: Any) -> Any:
        option.pop("old", None)
        return option


def test_a_validator_that_edits_the_option_gets_a_copy_with_all_digits() -> None:
    config = FakeConfig({"db": {"exact": EXACT, "old": 1}})
    assert config.get("db", as_=Editing).exact == EXACT
    assert "old" in config.db


class Inner(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    ratio: float
    exact: Decimal


class StrictNumbers(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    port: int
    whole: Decimal
    ratio: float | None
    exacts: dict[str, list[Decimal]]
    replicas: list[Inner]


@pytest.mark.parametrize("numbers", ["decimal", "native"])
@pytest.mark.parametrize("exact", [EXACT, Decimal("0.1")])
def test_a_strict_model_takes_each_number_as_its_field_has_it(numbers: Any, exact: Decimal) -> None:
    option = {
        "port": 1,
        "whole": 5,
        "ratio": 2,
        "exacts": {"a": [exact, 7]},
        "replicas": [{"ratio": Decimal("0.5"), "exact": exact}],
    }
    made = FakeConfig({"db": option}, numbers=numbers).get("db", as_=StrictNumbers)
    assert (made.port, made.whole, made.ratio) == (1, 5, 2.0)
    assert [type(n) for n in (made.port, made.whole, made.ratio)] == [int, Decimal, float]
    assert made.exacts["a"][1] == 7
    if numbers == "decimal" or exact == Decimal("0.1"):
        assert made.exacts["a"][0] == made.replicas[0].exact == exact


def test_a_strict_model_says_what_does_not_fit() -> None:
    option = {"port": Decimal("1.5"), "whole": 1, "ratio": 1, "exacts": {}, "replicas": []}
    with pytest.raises(OptionInvalid, match=r"db\.port: expected int"):
        FakeConfig({"db": option}).get("db", as_=StrictNumbers)
    with pytest.raises(OptionInvalid, match=r"db\.whole: expected Decimal, found str"):
        FakeConfig({"db": option | {"port": 1, "whole": SECRET}}).get("db", as_=StrictNumbers)


def refuse(option: Any, password: str) -> None:
    raise ValueError(option, password)


@dataclasses.dataclass(frozen=True)
class Maker:
    password: str

    def __call__(self, option: Any) -> None:
        raise ValueError(option)


@pytest.mark.parametrize("target", [functools.partial(refuse, password=SECRET), Maker(SECRET)])
def test_what_a_callable_holds_is_not_shown(config: FakeConfig, target: Any) -> None:
    config.set("db", {"host": SECRET})
    with pytest.raises(OptionInvalid) as caught:
        config.get("db", as_=target)
    assert SECRET not in str(caught.value)
    assert type(target).__qualname__ in str(caught.value)


def test_last_valid_objects_of_new_functions_are_bounded(config: FakeConfig) -> None:
    class Made:
        pass

    made: list[weakref.ref[Made]] = []

    def function() -> Any:
        return lambda option: Made()

    kept = config.get("db", as_=Host, keep_valid=True)
    for _ in range(500):
        made.append(weakref.ref(config.get("db", as_=function(), keep_valid=True)))
        assert config.get("db", as_=Host, keep_valid=True) is not None
    gc.collect()
    assert sum(ref() is not None for ref in made) <= 2 * 64
    config.set("db", {"nothing": 1})
    assert config.get("db", as_=Host, keep_valid=True) == kept


def test_the_last_valid_object_stays_if_native_numbers_are_inexact() -> None:
    config = FakeConfig({"db": {"host": "h"}}, numbers="native")
    made = config.get("db", as_=Host, keep_valid=True)
    bound = config.bind("db", lambda option: [option], keep_valid=True)
    first = bound()
    close_by = {Decimal(f"1.00000000000000000000{digit}") for digit in "12"}
    config.set("db", {"host": "h", "set": close_by})
    assert config.get("db", as_=Host, keep_valid=True) is made
    assert bound() is first
    assert len(config.status().kept_objects) == 2
    for default in ({}, {"default": None}):
        with pytest.raises(NumberInexact):
            config.get("db", as_=Host, **default)


@attrs.frozen
class Converting:
    host: str = attrs.field(converter=str.upper)
    port: int = attrs.field(validator=attrs.validators.lt(5))


@pytest.mark.parametrize("target", [Converting | None, Annotated[Converting, "x"]])
def test_the_library_of_a_type_converts_it_in_a_hint_too(config: FakeConfig, target: Any) -> None:
    assert config.get("db", as_=target) == Converting("h", 1)
    assert config.get("db", as_=target).host == "H"
    config.set("db", {"host": "h", "port": 7})
    with pytest.raises(OptionInvalid):
        config.get("db", as_=target)


class Undefined(pydantic.BaseModel):
    host: "Missing"  # type: ignore[name-defined]  # noqa: F821, UP037


@dataclasses.dataclass
class UndefinedToo:
    host: "Missing"  # type: ignore[name-defined]  # noqa: F821, UP037


@pytest.mark.parametrize("target", [Undefined, UndefinedToo, Attrs | Struct])
def test_a_type_that_no_library_takes_is_not_blamed_on_the_option(
    config: FakeConfig, target: Any
) -> None:
    with pytest.raises(Exception, match=r"Missing|Unsupported type") as caught:
        config.get("db", as_=target)
    assert not isinstance(caught.value, OptionInvalid)


class Pair(NamedTuple):
    host: str
    port: int = 3


@pytest.mark.parametrize("library", ["pydantic", "cattrs"])
def test_a_named_tuple_has_the_keys_as_its_fields(
    config: FakeConfig, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setattr(converters, "_MODULES", {"msgspec": "by_msgspec", library: f"by_{library}"})
    monkeypatch.setattr(converters, "_known", {})
    assert config.get("db", as_=Pair) == Pair("h", 1)
    config.set("db", {"host": "h"})
    assert config.get("db", as_=Pair) == Pair("h", 3)
    for option, path in (({"port": 1}, "db.host"), ({"host": "h", "more": SECRET}, "db.more")):
        config.set("db", option)
        with pytest.raises(OptionInvalid, match=path) as caught:
            config.get("db", as_=Pair)
        assert SECRET not in str(caught.value)


@attrs.frozen
class Upper:
    name: str = attrs.field(converter=str.upper)


@dataclasses.dataclass(frozen=True)
class Outer:
    inner: Upper
    more: list[Upper]
    again: Outer | None = None


def test_an_attrs_class_in_a_dataclass_keeps_its_converters(config: FakeConfig) -> None:
    config.set("db", {"inner": {"name": "a"}, "more": [{"name": "b"}]})
    assert config.get("db", as_=Outer) == Outer(Upper("A"), [Upper("B")])
