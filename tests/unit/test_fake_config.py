"""The fake for users' tests behaves as the real Config does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from ddbcfg_client import OptionNotFound, SnapshotTooStale, SnapshotUnavailable
from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import ValueRefused
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_client.testing import FakeConfig

OPTIONS: dict[str, dict[str, Any]] = {
    "db": {"host": "localhost", "port": 5432, "tags": {"a", "b"}},
    "flags": {"on": True, "nested": [{"x": None}]},
}


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig(OPTIONS)


def test_it_reads_in_every_way(config: FakeConfig) -> None:
    db = {"host": "localhost", "port": Decimal(5432), "tags": {"a", "b"}}
    assert config.get("db") == config["db"] == config.db == db
    assert config.get("db", keys=["host"]) == {"host": "localhost"}
    assert config.get("nope", None) is None
    assert config.get() == {"db": db, "flags": {"on": True, "nested": [{"x": None}]}}
    assert ("db" in config, "nope" in config, len(config), list(config)) == (
        True,
        False,
        2,
        ["db", "flags"],
    )
    with pytest.raises(OptionNotFound):
        config["nope"]
    assert not hasattr(config, "nope")


def test_what_it_returns_cannot_be_changed(config: FakeConfig) -> None:
    with pytest.raises(TypeError):
        config.flags["nested"][0]["x"] = 1


def test_a_change_is_a_new_generation_and_a_snapshot_stays_what_it_was(config: FakeConfig) -> None:
    before, flags = config.snapshot(), config.flags
    config.set("db", {"host": "replica"})
    assert (before.generation, config.generation) == (1, 2)
    assert before["db"]["host"] == "localhost"
    assert config.db == {"host": "replica"}
    assert config.flags is flags
    assert before.digest != config.digest
    config.set("db", {"host": "replica"})
    assert config.generation == 2
    config.delete("db")
    assert "db" not in config
    with pytest.raises(OptionNotFound):
        config.delete("db")


def test_it_refuses_what_dynamodb_refuses(config: FakeConfig) -> None:
    with pytest.raises(ValueRefused):
        config.set("db", {"when": object()})


def test_it_can_be_old_or_fail() -> None:
    config = FakeConfig(OPTIONS, max_age=60)
    config.age = 61
    with pytest.raises(SnapshotTooStale):
        config.get("db")
    config.age = 5
    assert config.get("db")["host"] == "localhost"
    config.failure = SnapshotUnavailable("/ddbcfg.config.test", "no daemon")
    with pytest.raises(SnapshotUnavailable):
        config.get("db")


def test_its_status_has_the_real_fields(config: FakeConfig) -> None:
    status = config.status()
    assert (status.generation, status.options, status.reader) == (1, 2, "fake")


class Mine(FakeConfig):
    """A subclass whose objects have attributes of their own."""


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)
@pytest.mark.parametrize("kind", [FakeConfig, Mine])
def test_a_copy_has_the_same_options_and_is_of_the_same_class(
    kind: type[FakeConfig], copied: Callable[[Any], Any]
) -> None:
    config = kind(OPTIONS, store="mine", max_age=60)
    config.set("db", {"host": "replica"})
    config.age = 5.0
    if kind is Mine:
        config.pool = "pool"  # type: ignore[attr-defined]
    again = copied(config)
    assert type(again) is kind
    assert again.get() == config.get()
    assert (again.store, again.generation, again.age) == ("mine", 2, 5.0)
    assert getattr(again, "pool", None) == ("pool" if kind is Mine else None)
    again.set("db", {"host": "other"})
    assert config.db == {"host": "replica"}


def test_a_copy_of_its_snapshot_is_a_plain_dict(config: FakeConfig) -> None:
    again = pickle.loads(pickle.dumps(config.snapshot()))
    assert type(again) is dict
    assert again == config.get()


def test_it_reads_the_bytes_that_a_daemon_would_publish(config: FakeConfig) -> None:
    before = config.snapshot()
    config.set("db", {"host": "replica"})
    config.delete("flags")
    config.set("new", {"n": 1})
    snapshot = config.snapshot()
    packed = {
        name: pack_option(name, attributes_of(name, keys)) for name, keys in config.get().items()
    }
    assert snapshot.digest == PackedStore.of(packed).digest.hex()
    assert snapshot.packed() == packed  # every byte is checked for this
    assert type(snapshot) is type(before) is Snapshot
    assert before["flags"] == OPTIONS["flags"]
    log = snapshot.changes()
    assert (log.base, log.log) == (
        1,
        ((2, (), ("db",), ()), (3, (), (), ("flags",)), (4, ("new",), (), ())),
    )
    assert (snapshot.source, snapshot.revision, snapshot.size) == ("local", None, len_of(snapshot))


def len_of(snapshot: Snapshot) -> int:
    header = snapshot._segment.header
    return header.body_at + header.body_size


def test_its_status_is_made_from_a_page_as_a_real_one_is(config: FakeConfig) -> None:
    config.age = 5.0
    config.set("db", {"host": "replica"})
    status = config.status()
    assert (status.published, status.polls, status.source) == (2, 2, "local")
    assert (status.daemon, status.daemon_pid, status.replaced) == ("running", None, False)
    assert (status.age, status.interval, status.error, status.held) == (5.0, 60.0, None, None)
    assert status.digest == config.digest
    config.age = None
    assert (config.status().age, config.status().polled_at) == (None, None)
