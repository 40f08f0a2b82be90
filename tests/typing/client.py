"""What a type checker makes of programs that use ddbcfg; ``make types`` reads it, nothing runs it.

Each ``type: ignore`` is a test, too: that line has to be an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, assert_type

import ddbcfg_client
from ddbcfg_client import Change, Config, DynamoDBConfigStore, Snapshot
from ddbcfg_client.config_stores import ConfigStore
from ddbcfg_client.errors import (
    ConfigError,
    LayoutMismatch,
    OptionNotFound,
    SnapshotTooStale,
    TableError,
)
from ddbcfg_client.readonly import ReadOnlyDict
from ddbcfg_client.shm.status import Status
from ddbcfg_client.testing import FakeConfig
from ddbcfg_daemon.sources.base import Progress, Reading, Source


def connecting() -> None:
    assert_type(ddbcfg_client.connect(), Config)
    assert_type(ddbcfg_client.connect("config", "prod", wait=5, max_age=600.0, owner="me"), Config)
    with ddbcfg_client.connect("config", "prod", namespace="eu", owner=1000) as config:
        assert_type(config, Config)
    ddbcfg_client.connect("config", "prod", "eu")  # type: ignore[call-arg]
    ddbcfg_client.connect(b"config")  # type: ignore[arg-type]


def reading(config: Config) -> None:
    assert_type(config.get("db"), ReadOnlyDict)
    assert_type(config.get(), ReadOnlyDict)
    assert_type(config.get("db", keys=["host"]), ReadOnlyDict)
    assert_type(config.get("db", None), ReadOnlyDict | None)
    assert_type(config.get("db", 5, ["host"]), ReadOnlyDict | int)
    assert_type(config["db"], ReadOnlyDict)
    assert_type(config.db, ReadOnlyDict)
    assert_type(config.db["host"], Any)
    assert_type("db" in config, bool)
    assert_type(len(config), int)
    assert_type(list(config), list[str])
    config.get(5)  # type: ignore[call-overload]
    config.get("db", keys=5)  # type: ignore[call-overload]
    config["db"] = {}  # type: ignore[operator]
    config.get("db", None)["host"]  # type: ignore[index]


def what_is_read_is_a_dict(config: Config) -> None:
    option: dict[str, Any] = config["db"]
    port: Decimal = option["port"]
    assert_type(port, Decimal)
    assert_type(config["db"].copy(), dict[str, Any])


def describing(config: Config) -> None:
    assert_type(config.generation, int)
    assert_type(config.digest, str)
    assert_type(config.age, float | None)
    assert_type(config.status(), Status)
    assert_type(config.reload(timeout=5), None)
    config.generation = 5  # type: ignore[misc]


def pinning(config: Config) -> None:
    snapshot = config.snapshot()
    assert_type(snapshot, Snapshot)
    assert_type(snapshot["db"], ReadOnlyDict)
    assert_type(snapshot.get("db"), ReadOnlyDict | None)
    assert_type(iter(snapshot), Iterator[str])
    assert_type(dict(snapshot), dict[str, ReadOnlyDict])


def waiting(config: Config) -> None:
    assert_type(config.wait(), bool)
    assert_type(config.wait(timeout=0.5), bool)
    for change in config.changes(initial=True):
        assert_type(change, Change)
        assert_type(change.generation, int)
        assert_type(change.added, tuple[str, ...])
        assert_type(change.complete, bool)
        change.complete = True  # type: ignore[misc]
    with config.changes() as changes:
        assert_type(changes.wait(5), Change | None)
    config.wait("5")  # type: ignore[arg-type]
    config.changes(True)  # type: ignore[call-arg]


async def waiting_in_a_task(config: Config) -> None:
    async for change in config.changes():
        assert_type(change, Change)


def catching(config: Config) -> None:
    try:
        config.get("db")
    except OptionNotFound as error:
        assert_type(error.option, str)
        as_key_error: KeyError = error
        raise as_key_error from None
    except SnapshotTooStale as error:
        assert_type(error.age, float | None)
    except LayoutMismatch as error:
        assert_type(error.found, int)
    except TableError as error:
        assert_type(error.code, str)
    except ConfigError:
        pass


def faking() -> None:
    config: Config = FakeConfig({"db": {"host": "h", "port": 1}})
    assert_type(config.get("db"), ReadOnlyDict)


def the_old_api() -> None:
    store = DynamoDBConfigStore(None, "config", "prod", config_store="TimeBasedConfigStore")
    assert_type(store, DynamoDBConfigStore)
    assert_type(store.config, ConfigStore)
    assert_type(store.set("db", {"host": "h"}), bool)
    assert_type(store.set("db", {}, if_unchanged=12, why="a test", by="me"), bool)
    assert_type(store.set_many({"db": {}}, delete=["web"]), int)
    assert_type(store.delete("db", if_unchanged=store.config.get()), bool)
    store.set("db", {}, if_unchanged="12")  # type: ignore[arg-type]


def comparing(store: DynamoDBConfigStore, config: Config) -> None:
    store.set("db", {}, if_unchanged=config.snapshot())
    store.set("db", {}, if_unchanged=config.get())


class Constant:
    """A source of snapshots of somebody's own: it need not inherit anything."""

    def read(self, progress: Progress, **_: object) -> Reading:
        progress()
        return Reading({}, read_at=0)


class Wrong:
    def read(self) -> Reading:
        return Reading({}, read_at=0)


def sources() -> None:
    source: Source = Constant()
    assert_type(source.read(lambda: None), Reading)
    wrong: Source = Wrong()  # type: ignore[assignment]
    del wrong
