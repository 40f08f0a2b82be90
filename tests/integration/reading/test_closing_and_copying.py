"""Closing, pickling and copying: nothing leaks, and copies are plain (G2, G8)."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import operator
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client import Config
from ddbcfg_client.errors import (
    SnapshotTooStale,
)
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.hotpath import READER, hot
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import OPTIONS, boottime, changed
from support.shm import reading


def test_after_close_the_next_read_attaches_again(publisher: Publisher, config: Config) -> None:
    assert config["db"]
    config.close()
    config.close()
    publisher.publish(changed(db={"host": "new"}))
    assert config["db"] == {"host": "new"}
    with config as same:
        assert same["db"] == {"host": "new"}
    assert config.get("db") == {"host": "new"}


def test_close_lets_go_of_every_descriptor(config: Config) -> None:
    config.get()
    before = len(os.listdir("/proc/self/fd"))
    config.close()
    released = before - len(os.listdir("/proc/self/fd"))
    assert released >= 1
    config.get()
    assert len(os.listdir("/proc/self/fd")) == before


class Named(StrEnum):
    """Names of options, as programs collect them."""

    DB = "db"
    NOPE = "nope"


def test_a_name_may_be_of_a_subclass_and_is_not_kept(publisher: Publisher, config: Config) -> None:
    assert config[Named.DB] is config.get(Named.DB) is getattr(config, Named.DB) is config["db"]
    assert config.get(Named.NOPE, None) is None
    assert not hasattr(config, Named.NOPE)
    assert Named.DB in config
    snapshot = config.snapshot()
    kept = [*snapshot.decoded, *snapshot._absent, *snapshot._memo._kept]
    assert {type(name) for name in kept} == {str}
    publisher.publish(changed(db={"host": "new"}))
    assert config["db"] is config[Named.DB] == {"host": "new"}


def test_many_generations_leave_no_descriptor_behind(publisher: Publisher, config: Config) -> None:
    config.get()
    gc.collect()  # now: readers of earlier tests that are collected later would free descriptors
    before = len(os.listdir("/proc/self/fd"))
    for number in range(200):
        publisher.publish(reading({"db": {"number": str(number)}}))
        assert config["db"] == {"number": str(number)}
    publisher.verify()  # until then it keeps the last one that was replaced
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pickled_config_attaches_by_itself_in_a_spawned_process(
    publisher: Publisher, config: Config
) -> None:
    config.get()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        first = pool.submit(operator.itemgetter("db", "größe"), config).result(30)
        publisher.publish(changed(db={"host": "new"}))
        second = pool.submit(operator.attrgetter("generation", "db"), config).result(30)
    assert first == (OPTIONS["db"], OPTIONS["größe"])
    assert second == (2, {"host": "new"})


def test_pickling_keeps_max_age_and_owner(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=5, owner="nobody")
    again = pickle.loads(pickle.dumps(config))
    assert again._max_age == 5
    assert again._trust._owner == "nobody"
    publisher.report(PageStatus(success=boottime() - 6_000_000_000))
    with pytest.raises(SnapshotTooStale):
        again.get("db")


def test_copying_a_value_that_was_read_gives_plain_python(config: Config) -> None:
    plain = pickle.loads(pickle.dumps(config.get()))
    assert plain == OPTIONS
    assert type(plain["größe"]["limits"]) is list


def test_configs_that_go_leave_no_descriptor_behind_without_a_collector(
    publisher: Publisher,
) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    gc.disable()
    try:
        for _ in range(10):
            mine = ddbcfg_client.connect(publisher.names.namespace, "prod")
            assert mine.get("db") is mine.db is mine["db"]
            del mine
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


def test_names_that_were_read_as_attributes_do_not_pile_up(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    before = sum(len(vars(kind)) for kind in type(config).__mro__)
    for number in range(3):
        names = [f"option_{number}_{one}" for one in range(200)]
        publisher.publish(reading({name: {"n": 1} for name in names}))
        for name in names:
            assert getattr(config, name) is config[name]
    kept = sum(len(vars(kind)) for kind in type(config).__mro__) - before
    assert kept <= (hot._REMEMBERED_AT_MOST if READER == "python" else 0)


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "pickle in Python, protocol 2": lambda value: pickle._loads(pickle._dumps(value, 2)),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_snapshot_is_a_plain_dict_and_leaves_the_snapshot_whole(
    config: Config, copied: Callable[[Any], Any]
) -> None:
    pinned = config.snapshot()
    again = copied(pinned)
    assert type(again) is dict
    assert again == OPTIONS
    del again
    gc.collect()
    assert pinned["größe"] == OPTIONS["größe"]
    assert dict(pinned) == OPTIONS


def test_a_deep_copy_of_a_snapshot_is_the_copiers_own(config: Config) -> None:
    mine = copy.deepcopy(config.snapshot())
    mine["größe"]["limits"].append("mine")
    assert config.get("größe") == OPTIONS["größe"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_open_segment_is_not_copied(config: Config, copied: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copied(config.snapshot()._segment)


class Slotted(Config):
    __slots__ = ("limit", "unset")

    def __init__(self, name: str) -> None:  # other arguments than Config has
        super().__init__(Names("config", name), Trust(), max_age=5)
        self.limit = [name]


class Open(Slotted):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.pool = {"of": name}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", [Slotted, Open])
def test_a_copy_of_a_subclass_keeps_class_and_attributes(
    kind: type[Slotted], copied: Callable[[Any], Any]
) -> None:
    config = kind("prod")
    again = copied(config)
    assert type(again) is kind
    assert (again.namespace, again.store, again._max_age) == ("config", "prod", 5)
    assert again.limit == ["prod"]
    assert getattr(config, "__dict__", None) == getattr(again, "__dict__", None)
    with pytest.raises(AttributeError):
        Slotted.unset.__get__(again)  # type: ignore[attr-defined]
