"""The ways of reading, and what a new generation changes (G2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client import Config
from ddbcfg_client.errors import (
    ConfigError,
    OptionAttributeError,
    OptionNotFound,
)
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import OPTIONS, changed
from support.shm import reading

# --- the ways of reading -------------------------------------------------------------------------


def test_get_returns_the_keys_of_an_option(config: Config) -> None:
    for name, option in OPTIONS.items():
        assert config.get(name) == option
        assert config[name] == option


def test_get_with_keys_returns_those_that_the_option_has(config: Config) -> None:
    assert config.get("db", keys=["host"]) == {"host": "db-cluster.com"}
    assert config.get("db", keys=["port", "no-such"]) == {"port": Decimal(27017)}
    assert config.get("db", keys=[]) == {}
    assert config.get("nope", None, keys=["host"]) is None


def test_get_without_an_option_returns_every_option_in_order(config: Config) -> None:
    assert config.get() == OPTIONS
    assert list(config.get()) == sorted(OPTIONS)
    assert config.get()["db"] is config.get("db")


@pytest.mark.parametrize("read", [Config.get, Config.__getitem__, getattr])
def test_an_option_that_is_not_there_is_a_key_error_that_names_it(
    config: Config, read: Callable[[Config, str], Any]
) -> None:
    with pytest.raises(OptionNotFound, match="store 'prod' has no option 'nope'") as caught:
        read(config, "nope")
    assert isinstance(caught.value, KeyError)
    assert (caught.value.option, caught.value.store) == ("nope", "prod")


def test_a_default_stands_in_for_a_missing_option_only(config: Config) -> None:
    default = object()
    assert config.get("nope", None) is None
    assert config.get("nope", default) is default
    assert config.get("nope", default=default) is default
    assert config.get("nothing", default) == {}


@pytest.mark.parametrize("name", [1, b"db", ["db"], {}, None, "\ud800", ""])
def test_what_cannot_be_an_options_name_is_none(config: Config, name: Any) -> None:
    with pytest.raises(OptionNotFound):
        config[name]
    if name is not None:
        assert config.get(name, "default") == "default"


def test_the_attribute_style(config: Config) -> None:
    assert config.db is config.get("db")
    assert getattr(config, "external-port") is config.get("external-port")
    assert not hasattr(config, "nope")
    assert getattr(config, "nope", 7) == 7
    with pytest.raises(OptionAttributeError) as caught:
        _ = config.nope
    assert isinstance(caught.value, AttributeError)


def test_python_asking_for_a_dunder_name_is_not_answered_from_the_store(
    publisher: Publisher, config: Config
) -> None:
    publisher.publish(changed(__length_hint__={"x": "1"}))
    with pytest.raises(AttributeError) as caught:
        config.__length_hint__  # noqa: B018
    assert not isinstance(caught.value, ConfigError)
    assert config["__length_hint__"] == {"x": "1"}


def test_membership_length_and_iteration(config: Config) -> None:
    assert "db" in config
    assert "nope" not in config
    assert 5 not in config
    assert len(config) == 4
    assert list(config) == ["db", "external-port", "größe", "nothing"]


def test_every_read_returns_the_same_read_only_object(config: Config) -> None:
    option = config.get("größe")
    assert config["größe"] is option
    assert config.snapshot()["größe"] is option
    with pytest.raises(TypeError, match="cannot be changed"):
        option["tags"].add("z")
    assert json.dumps(config.get("db")["host"]) == '"db-cluster.com"'


def test_a_store_without_options_is_empty_and_not_an_error(
    publisher: Publisher, config: Config
) -> None:
    publisher.publish(reading({}))
    assert (len(config), list(config), config.get(), "db" in config) == (0, [], {}, False)
    with pytest.raises(OptionNotFound):
        config.get("db")


def test_a_config_tells_whose_it_is_but_no_value(config: Config) -> None:
    config.get()
    assert repr(config) == f"<ddbcfg Config {config.namespace}/prod>"
    assert repr(config.snapshot()) == "<Snapshot of 'prod', generation 1, 4 options>"
    assert config.store == "prod"


# --- a new generation ----------------------------------------------------------------------------


WAYS: dict[str, Callable[[Config], object]] = {
    "get": lambda config: config.get("new"),
    "get with keys": lambda config: config.get("new", keys=["x"]),
    "get everything": lambda config: config.get()["new"],
    "[]": lambda config: config["new"],
    "attribute": lambda config: config.new,
    "in": lambda config: "new" in config,
    "len": lambda config: len(config) == 5,
    "iter": lambda config: "new" in list(config),
    "snapshot": lambda config: config.snapshot()["new"],
    "generation": lambda config: config.generation == 2,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_very_next_read_sees_a_new_generation(
    publisher: Publisher, config: Config, way: Callable[[Config], object]
) -> None:
    for _ in range(40):  # well into the hot path
        assert config.get("db") == OPTIONS["db"]
    publisher.publish(changed(new={"x": "1"}))
    assert way(config)


def test_an_option_that_did_not_change_stays_the_same_object(
    publisher: Publisher, config: Config
) -> None:
    before = config.get()
    publisher.publish(changed(db={"host": "other"}, new={}))
    assert config["db"] == {"host": "other"}
    for name in ("external-port", "größe", "nothing"):
        assert config[name] is before[name]
    assert config.get()["größe"] is before["größe"]
    publisher.publish(changed(new={}))
    assert config["größe"] is before["größe"]
    assert config["db"] == before["db"]


def test_an_option_that_went_away_is_gone(publisher: Publisher, config: Config) -> None:
    assert config["db"]
    publisher.publish(reading({"other": {}}))
    assert "db" not in config
    with pytest.raises(OptionNotFound):
        config.get("db")


def test_a_pinned_snapshot_stays_its_generation_while_it_is_held(
    publisher: Publisher, config: Config
) -> None:
    pinned = config.snapshot()
    read_early = pinned["db"]
    digest = pinned.digest
    for number in range(3):
        publisher.publish(reading({"db": {"number": str(number)}}))
    assert config.generation == 4
    assert config.get() == {"db": {"number": "2"}}
    # What was not decoded yet is there all the same.
    assert pinned["db"] is read_early
    assert dict(pinned) == OPTIONS
    assert (pinned.generation, pinned.digest, len(pinned)) == (1, digest, 4)


def test_a_snapshot_is_a_read_only_mapping(config: Config) -> None:
    snapshot = config.snapshot()
    assert isinstance(snapshot, Mapping)
    assert snapshot == OPTIONS
    assert list(snapshot) == sorted(OPTIONS)
    assert snapshot.get("nope") is None
    assert snapshot.get("db") is snapshot["db"]
    assert not hasattr(snapshot, "__setitem__")
    with pytest.raises(OptionNotFound):
        snapshot["nope"]


# --- an empty store ------------------------------------------------------------------------------


def test_a_store_without_options_is_published_like_any_other(publisher: Publisher) -> None:
    publisher.publish(reading({}))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    assert (config.generation, len(config), config.get()) == (2, 0, {})
    status = config.status()
    assert (status.generation, status.published, status.options) == (2, 2, 0)
    assert status.digest == config.digest
    assert status.read_at is not None
