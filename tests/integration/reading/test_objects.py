"""Objects made from options over shared memory: current at the very next call (G2, G3)."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client import Config, OptionInvalid, SnapshotTooStale
from ddbcfg_client.format.page import PageStatus
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import boottime, changed


@dataclass(frozen=True)
class Database:
    host: str
    port: int


def test_the_very_next_call_has_the_new_version_and_only_of_its_option(
    publisher: Publisher, config: Config
) -> None:
    pool = config.bind("db", lambda option: [option["host"]])
    other = config.bind("größe", list)
    first, kept, typed = pool(), other(), config.get("db", as_=Database)
    for _ in range(40):  # well into the hot path
        assert pool() is first
        assert config.get("db", as_=Database) is typed
    publisher.publish(changed(new={"x": "1"}))
    assert (pool() is first, other() is kept) == (True, True)
    assert config.get("db", as_=Database) is typed
    publisher.publish(changed(db={"host": "new", "port": 1}))
    assert pool() == ["new"]
    assert config.get("db", as_=Database) == Database("new", 1)
    assert other() is kept
    publisher.publish(changed(db={"host": 5, "port": 1}))
    with pytest.raises(OptionInvalid, match="db.host"):
        config.get("db", as_=Database)
    assert config.get("db")["host"] == 5


def test_closing_the_config_loses_no_object(publisher: Publisher, config: Config) -> None:
    pool = config.bind("db", list)
    first, typed = pool(), config.get("db", as_=Database)
    config.close()
    assert pool() is first
    config.close()
    assert config.get("db", as_=Database) is typed
    publisher.publish(changed(db={"host": "new", "port": 1}))
    config.close()
    assert pool() is not first


def test_a_handle_is_as_strict_about_age_as_a_read(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=5)
    publisher.report(PageStatus(success=boottime()))
    pool = config.bind("db", list)
    first = pool()
    publisher.report(PageStatus(success=boottime() - 6_000_000_000))
    config.close()
    with pytest.raises(SnapshotTooStale):
        pool()
    with pytest.raises(SnapshotTooStale):
        config.get("db", as_=Database)
    publisher.report(PageStatus(success=boottime()))
    assert pool() is first


def test_status_says_which_objects_are_older_than_their_options(
    publisher: Publisher, config: Config
) -> None:
    first = config.get("db", as_=Database, keep_valid=True)
    assert config.status().kept_objects == []
    publisher.publish(changed(db={"host": "secret"}))
    for _ in range(3):
        assert config.get("db", as_=Database, keep_valid=True) is first
    (kept,) = config.status().to_dict()["kept_objects"]
    assert "db.port: expected a value, found nothing" in kept
    assert "secret" not in kept


def test_a_config_with_objects_is_pickled_without_them(config: Config) -> None:
    config.get("db", as_=Database, keep_valid=True)
    config.bind("db", list)()
    again: Any = pickle.loads(pickle.dumps(config))
    assert again.get("db", as_=Database) == config.get("db", as_=Database)
