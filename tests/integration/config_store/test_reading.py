"""DynamoDBConfigStore: the reads that all config stores have in common."""

from __future__ import annotations

import pickle
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client import exceptions
from ddbcfg_client.errors import (
    ConfigError,
    KeysRefused,
    OptionNotFound,
)
from support.rig import open_rig

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from support.rig import Rig
from support.config_store_api import DB, once


def test_get(rig: Rig) -> None:
    rig.set("db", DB)
    rig.set("external-port", {"port": 80})
    config = rig.config
    db = {"host": "db-cluster.com", "port": Decimal(27017)}
    assert config.get("db") == config["db"] == config.get_option("db") == db
    assert type(config.get("db")["port"]) is Decimal
    assert config.get() == {"db": db, "external-port": {"port": Decimal(80)}}
    assert list(config.get()) == list(config) == ["db", "external-port"]
    assert len(config) == 2
    assert "db" in config
    assert "nope" not in config
    assert 3 not in config


def test_get_of_some_keys(rig: Rig) -> None:
    rig.set("db", {**DB, "user": "me", "_private": "x"})
    rig.set("other", {"a": 1})
    config = rig.config
    assert config.get("db", keys=["host", "_private"]) == {"host": DB["host"], "_private": "x"}
    assert config.get_option("db", ["host"]) == {"host": "db-cluster.com"}
    assert config.get("db", keys=iter(["host", "host"])) == {"host": "db-cluster.com"}
    assert config.get("db", keys=["nope"]) == config.get("db", keys=[]) == {}
    assert config.get(keys=["host"]) == {"db": {"host": "db-cluster.com"}, "other": {}}


def test_get_of_more_keys_than_an_expression_can_name(rig: Rig) -> None:
    data = {f"key-{i}": i for i in range(2000)}
    rig.set("db", data)
    rig.set("long names", {"x" * 60_000: 1, "y": 2})
    for keys in (list(data), [*reversed(data)], [f"nope-{i}" for i in range(1000)]):
        wanted = {key: data[key] for key in keys if key in data}
        assert list(rig.config.get("db", keys=keys).items()) == list(wanted.items())
        assert rig.config.get(keys=keys) == {"db": wanted, "long names": {}}
    long = [*(f"{i:0>65535}" for i in range(50)), "x" * 60_000, "é" * 32767]
    assert rig.config.get("long names", keys=long) == {"x" * 60_000: 1}


@once
@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("host", r"a list of names is expected, such as \['host'\], not a string"),
        (5, "a list of names is expected, not int"),
        ([1], "name 0 must be a string, not int"),
        (["host", None], "name 1 must be a string, not NoneType"),
        (b"host", "name 0 must be a string, not int"),
        ([""], "name 0 is empty"),
        (["host", "\ud800"], "name 1 is not valid Unicode"),
        (["x" * 65536], "name 0 is 65536 bytes long, the limit is 65535"),
        (["é" * 32768], "name 0 is 65536 bytes long"),
    ],
)
def test_keys_that_no_option_can_have(rig: Rig, keys: Any, reason: str) -> None:
    rig.set("db", DB)
    config = rig.config
    for read in (
        lambda: config.get("db", keys=keys),
        lambda: config.get(keys=keys),
        lambda: config.get("nope", 3, keys=keys),
        lambda: config.get_option("db", keys),
    ):
        with pytest.raises(KeysRefused, match=reason) as caught:
            read()
        assert isinstance(caught.value, ConfigError)
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ValueError)
        copied = pickle.loads(pickle.dumps(caught.value))
        assert (str(copied), copied.reason) == (str(caught.value), caught.value.reason)


class Key(StrEnum):
    HOST = "host"


def test_keys_are_taken_for_what_they_hold(rig: Rig) -> None:
    rig.set("db", DB)
    (key,) = rig.config.get("db", keys=[Key.HOST])
    assert (key, type(key)) == ("host", str)


@once
@pytest.mark.parametrize("option", [0, 1, (), [], {}, False, b"db", object()])
def test_what_is_no_name_is_no_option(rig: Rig, option: Any) -> None:
    """The old library gave every option for what is false."""
    rig.set("db", DB)
    for read in (rig.config.get, rig.config.get_option, rig.config.__getitem__):
        with pytest.raises(OptionNotFound):
            read(option)
    assert rig.config.get(option, "default") == "default"
    assert option not in rig.config


def test_none_is_every_option_to_get_only(rig: Rig) -> None:
    rig.set("db", DB)
    assert list(rig.config.get(None)) == ["db"]
    for read in (rig.config.get_option, rig.config.__getitem__):
        with pytest.raises(OptionNotFound):
            read(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", ["nope", "", "x" * 2000, "\ud800", "Größe"])
def test_missing_option(rig: Rig, option: str) -> None:
    rig.set("db", DB)
    for read in (rig.config.get, rig.config.get_option, rig.config.__getitem__):
        with pytest.raises(OptionNotFound) as caught:
            read(option)
        assert isinstance(caught.value, KeyError)
        assert isinstance(caught.value, exceptions.ItemNotFound)
    assert rig.config.get(option, None) is None
    assert rig.config.get(option, 3, keys=["a"]) == 3
    assert option not in rig.config


def test_empty_store(rig: Rig) -> None:
    assert rig.config.get() == {}
    assert len(rig.config) == 0


@pytest.mark.parametrize("option", ["get", "reload", "close", "two words", "a-b", "1st", "_find"])
def test_option_names_that_are_no_attributes(rig: Rig, option: str) -> None:
    rig.set(option, {"key": "value"})
    assert rig.config.get(option) == rig.config[option] == {"key": "value"}


def test_results_are_read_only(rig: Rig) -> None:
    rig.set("db", {"list": [1], "map": {"a": 1}, "set": {1}})
    for found in (rig.config.get("db"), rig.config.get()["db"]):
        for change in (
            lambda found=found: found.update(a=1),
            lambda found=found: found["list"].append(2),
            lambda found=found: found["map"].clear(),
            lambda found=found: found["set"].add(2),
        ):
            with pytest.raises(TypeError):
                change()


def test_values_do_not_show(rig: Rig) -> None:
    rig.set("db", {"password": "p1anted-s3cret"})
    rig.config.get()
    assert "p1anted" not in repr(rig.config) + repr(rig.store)


@pytest.mark.parametrize("kind", ["TimeBasedConfigStore", "SharedMemoryConfigStore"])
def test_attributes(client: DynamoDBClient, table_name: str, kind: str) -> None:
    with open_rig(kind, client, table_name) as rig:
        rig.set("db", DB)
        config: Any = rig.config
        assert config.db == {"host": "db-cluster.com", "port": Decimal(27017)}
        assert not hasattr(config, "nope")
        with pytest.raises(AttributeError, match="'prod' has no option 'nope'"):
            config.nope  # noqa: B018
