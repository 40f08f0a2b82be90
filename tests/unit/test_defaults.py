"""``defaults=``: options that stand in for those that the store lacks."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any

import pytest

from ddbcfg_client.errors import DefaultsRefused, OptionNotFound, ValueRefused
from ddbcfg_client.testing import FakeConfig

DEFAULTS: dict[str, dict[str, Any]] = {
    "cache": {"seconds": 30, "tags": ["a"]},
    "db": {"host": "localhost", "port": 1},
    "ä": {},
}


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig({"db": {"host": "db"}, "web": {}}, defaults=DEFAULTS)


def test_a_default_is_found_in_every_way_of_reading(config: FakeConfig) -> None:
    cache = config.get("cache")
    assert cache == {"seconds": Decimal(30), "tags": ["a"]}
    assert config["cache"] is config.cache is cache is config.get("cache", None)
    assert config.snapshot()["cache"] is cache
    assert config.get()["cache"] is cache
    assert config.get("cache", keys=["seconds"]) == {"seconds": Decimal(30)}
    assert "cache" in config
    assert "cache" in config.snapshot()
    assert hasattr(config, "cache")


def test_the_store_comes_first_and_as_a_whole(config: FakeConfig) -> None:
    """Keys are not merged: an option is what one of the two says."""
    assert config.get("db") == {"host": "db"}
    assert config.get()["db"] == {"host": "db"}


def test_names_are_counted_and_listed_in_order(config: FakeConfig) -> None:
    names = ["cache", "db", "web", "ä"]
    assert list(config) == list(config.get()) == list(config.snapshot()) == names
    assert len(config) == len(config.snapshot()) == len(config.get()) == 4


def test_an_option_that_neither_has_is_not_found(config: FakeConfig) -> None:
    with pytest.raises(OptionNotFound):
        config.get("nope")
    assert config.get("nope", 5) == 5
    assert not hasattr(config, "nope")


def test_an_option_that_appears_replaces_its_default_and_gives_way_again(
    config: FakeConfig,
) -> None:
    default = config.get("cache")
    pinned = config.snapshot()
    config.set("cache", {"seconds": 5})
    assert config.get("cache") == {"seconds": Decimal(5)}
    assert pinned["cache"] is default
    config.delete("cache")
    assert config.get("cache") is default
    assert "cache" in config


def test_what_describes_the_store_knows_no_defaults(config: FakeConfig) -> None:
    plain = FakeConfig({"db": {"host": "db"}, "web": {}})
    assert config.digest == plain.digest
    assert config.status().options == 2
    assert set(config.snapshot().packed()) == {"db", "web"}


def test_a_default_is_read_only_and_not_the_callers_object(config: FakeConfig) -> None:
    with pytest.raises(TypeError, match="cannot be changed"):
        config.get("cache")["tags"].append("b")
    mine: dict[str, Any] = {"cache": {"tags": ["a"]}}
    config = FakeConfig(defaults=mine)
    mine["cache"]["tags"].append("b")
    mine["more"] = {}
    assert config.get() == {"cache": {"tags": ["a"]}}


def test_numbers_of_defaults_are_of_the_readers_kind() -> None:
    defaults = {"a": {"int": 5, "float": 0.1, "exact": Decimal("0.5")}}
    decimal = FakeConfig(defaults=defaults).get("a")
    assert decimal == {"int": Decimal(5), "float": Decimal("0.1"), "exact": Decimal("0.5")}
    native = FakeConfig(defaults=defaults, numbers="native").get("a")
    assert [type(value) for value in native.values()] == [float, float, int]
    assert native["float"] == 0.1


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_a_copy_has_the_defaults_too(config: FakeConfig, copied: Any) -> None:
    assert copied(config).get() == config.get()


@pytest.mark.parametrize("defaults", [[], "x", 5, {5: {}}])
def test_what_cannot_be_defaults_is_refused(defaults: Any) -> None:
    with pytest.raises(DefaultsRefused) as caught:
        FakeConfig(defaults=defaults)
    assert isinstance(caught.value, TypeError)


def test_a_default_that_dynamodb_cannot_hold_is_refused_without_its_value() -> None:
    with pytest.raises(ValueRefused) as caught:
        FakeConfig(defaults={"db": {"secret": object()}})
    assert (caught.value.option, caught.value.where) == ("db", "['secret']")
