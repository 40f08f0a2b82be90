"""With DDBCFG_FILE set, connect() returns a Config over that file, which reads like any other."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client import Config, OptionNotFound
from ddbcfg_client.config_stores import SharedMemoryConfigStore
from ddbcfg_client.errors import SecondsRefused, SeveralStoresNamed
from ddbcfg_client.file_config import config as file_config
from ddbcfg_client.file_config.config import FileConfig
from ddbcfg_client.testing import FakeConfig
from support.files import SECRET, TOML, opened, replace_file, with_host

DB = {"host": "h1", "port": Decimal(27017), "password": SECRET}

EVERY_TYPE = {
    "text": "grüezi",
    "digits": 12345678901234567890.5,  # replaced by its digits below
    "list": [1, "a", True],
    "map": {"a": {"b": 1}},
    "binary": {"$binary": "AP8="},
    "set": {"$set": ["b", "a"]},
    "dollar": {"$map": {"$set": 1}},
}
DIGITS = "12345678901234567890.12345678901234567"


@pytest.fixture
def named(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DDBCFG_FILE", str(file))
    return file


@pytest.mark.usefixtures("named")
def test_connect_reads_the_file_in_every_way() -> None:
    config = ddbcfg_client.connect("config", "prod")
    assert isinstance(config, Config)
    assert config.get("db") == config["db"] == config.db == DB
    assert config.get("db") is config.db
    assert config.get("db", keys=["host"]) == {"host": "h1"}
    assert config.get() == {"db": DB}
    assert ("db" in config, len(config), list(config)) == (True, 1, ["db"])
    assert config.get("nope", None) is None
    with pytest.raises(OptionNotFound):
        config["nope"]
    with pytest.raises(TypeError):
        config.db["host"] = "other"
    assert (config.namespace, config.store, config.generation) == ("config", "prod", 1)
    assert config.snapshot()["db"] == DB


def test_json_and_toml_give_the_same_options_digest_and_digits(tmp_path: Path) -> None:
    text = json.dumps({"prod": {"types": EVERY_TYPE}}).replace("1.2345678901234567e+19", DIGITS)
    assert DIGITS in text
    (tmp_path / "s.json").write_text(text)
    (tmp_path / "s.TOML").write_text(
        f"""
        [prod.types]
        text = "grüezi"
        digits = {DIGITS}
        list = [1, "a", true]
        map.a.b = 1
        binary = {{"$binary" = "AP8="}}
        set = {{"$set" = ["a", "b"]}}
        dollar = {{"$map" = {{"$set" = 1}}}}
        """
    )
    one, other = opened(tmp_path / "s.json"), opened(tmp_path / "s.TOML")
    assert one.get() == other.get()
    assert one.types["digits"] == Decimal(DIGITS)
    assert one.types["binary"] == b"\x00\xff"
    assert one.types["set"] == {"a", "b"}
    assert one.types["dollar"] == {"$set": 1}
    assert one.digest == other.digest == FakeConfig(one.get()).digest


@pytest.mark.parametrize(
    ("variables", "arguments", "store"),
    [
        ({}, {}, "prod"),  # the first one in the file
        ({"DDBCFG_STORE": "test"}, {}, "test"),
        ({"DDBCFG_STORE": "test"}, {"store": "prod"}, "prod"),
        ({"DDBCFG_TABLE": "t"}, {"store": "test"}, "test"),
    ],
)
@pytest.mark.usefixtures("named")
def test_the_store_is_the_named_one_or_the_first(
    variables: dict[str, str],
    arguments: dict[str, str],
    store: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    config = ddbcfg_client.connect(**arguments)  # type: ignore[arg-type]
    assert (config.store, config.namespace) == (store, variables.get("DDBCFG_TABLE", "file"))
    assert config.db["host"] == {"prod": "h1", "test": "localhost"}[store]


@pytest.mark.usefixtures("named")
def test_numbers_and_defaults_are_as_with_a_daemon() -> None:
    config = ddbcfg_client.connect(numbers="native", defaults={"cache": {"ttl": 1.5}})
    assert type(config.db["port"]) is int
    assert config.cache == {"ttl": 1.5}
    again = pickle.loads(pickle.dumps(config))
    assert again.get() == config.get()
    assert type(again.db["port"]) is int
    assert config.status().options == 1


@pytest.mark.usefixtures("named")
def test_the_config_store_of_the_old_library_reads_the_file() -> None:
    store = SharedMemoryConfigStore("config", "prod")
    assert store.get("db") == DB
    assert store.status().source == "file"


@pytest.mark.usefixtures("named")
def test_arguments_are_checked_as_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SecondsRefused):
        ddbcfg_client.connect(wait="soon")  # type: ignore[arg-type]
    monkeypatch.setenv("DDBCFG_STORE", "prod,test")
    with pytest.raises(SeveralStoresNamed):
        ddbcfg_client.connect()


@pytest.mark.usefixtures("named")
def test_a_relative_path_survives_a_change_of_folder(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.setenv("DDBCFG_FILE", file.name)
    config = ddbcfg_client.connect()
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    replace_file(file, with_host("h2"))
    config.reload()
    assert config.db["host"] == "h2"


def test_the_status_names_the_source_and_the_file(file: Path) -> None:
    status = opened(file).status()
    assert (status.source, status.file, status.error) == ("file", str(file), None)
    assert (status.daemon, status.daemon_pid, status.interval) == ("none", None, 1.0)
    assert (status.generation, status.published, status.options) == (1, 1, 1)
    assert status.failures == 0
    assert status.polls >= 1
    assert status.age is not None
    assert 0 <= status.age < 20
    assert opened(file).snapshot().source == "file"


def test_reads_between_two_looks_do_not_touch_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = opened(file)
    config.reload()
    monkeypatch.setattr(file_config, "look", None)
    config._name_check_at += 3600
    for _ in range(100):
        assert config.get("db") is config["db"]
        assert config.get("nope", None) is None


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copy_reads_the_file_itself(file: Path, copied: Callable[[Any], Any]) -> None:
    class_before = type(config := opened(file, max_age=60))
    again = copied(config)
    assert type(again) is class_before is FileConfig
    assert again.get() == config.get()
    assert (again.status().file, again._max_age) == (str(file), 60)


def test_a_closed_config_reads_the_file_again_and_goes_on_counting(file: Path) -> None:
    with opened(file) as config:
        assert config.db["host"] == "h1"
    assert config.generation == 1
    config.close()
    replace_file(file, with_host("h2"))
    assert (config.db["host"], config.generation) == ("h2", 2)


def test_an_empty_store_is_served(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text('{"prod": {}}')
    assert opened(path).get() == {}


def test_its_repr_names_the_file_and_no_value(file: Path) -> None:
    assert repr(opened(file)) == f"<ddbcfg Config file/prod of {file}>"
    assert SECRET in TOML
    assert SECRET not in repr(opened(file))
