"""``config.bind``: made once for each version of its options, whatever make does (G3)."""

from __future__ import annotations

import copy
import gc
import itertools
import logging
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from ddbcfg_client.errors import (
    ArgumentsRefused,
    BindRecursion,
    OptionNotFound,
    SnapshotTooStale,
)
from ddbcfg_client.objects import bound as bound_module
from ddbcfg_client.objects import in_process
from ddbcfg_client.testing import FakeConfig


class Made:
    def __init__(self, *options: Any) -> None:
        self.options = options
        self.disposed = 0

    def dispose(self) -> None:
        self.disposed += 1


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig({"db": {"host": "a"}, "cache": {"size": 1}, "other": {"n": 0}})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (bound_module, in_process):
        monkeypatch.setattr(module, "monotonic", clock)
    return clock


def test_it_is_made_by_the_first_call_and_then_stays(config: FakeConfig) -> None:
    made: list[Any] = []
    pool = config.bind("db", lambda option: made.append(option) or Made(option))
    assert made == []
    first = pool()
    assert pool() is first is pool()
    assert first.options[0] is config["db"]
    assert len(made) == 1


def test_a_change_of_its_option_makes_another_and_then_disposes_of_the_old(
    config: FakeConfig,
) -> None:
    seen: list[Any] = []
    pool = config.bind("db", Made, lambda old: seen.append((old, pool().options)))
    first = pool()
    config.set("db", {"host": "b"})
    second = pool()
    assert second is not first
    assert second.options == ({"host": "b"},)
    assert seen == [(first, ({"host": "b"},))]  # the new one was in place by then
    assert pool() is second


def test_a_change_of_another_option_changes_nothing(config: FakeConfig) -> None:
    pool = config.bind("db", Made, Made.dispose)
    first = pool()
    for number in range(5):
        config.set("other", {"n": number + 1})
        assert pool() is first
    assert first.disposed == 0


def test_several_options_are_arguments_in_order_and_of_one_generation(config: FakeConfig) -> None:
    pool = config.bind(["db", "cache"], Made)
    first = pool()
    assert first.options == ({"host": "a"}, {"size": 1})
    config.set("other", {"n": 5})
    assert pool() is first
    config.set("cache", {"size": 2})
    assert pool().options == ({"host": "a"}, {"size": 2})


def test_a_default_counts_as_the_option() -> None:
    config = FakeConfig(defaults={"db": {"host": "local"}})
    pool = config.bind("db", Made)
    first = pool()
    assert first.options == ({"host": "local"},)
    config.set("x", {})
    assert pool() is first
    config.set("db", {"host": "a"})
    assert pool().options == ({"host": "a"},)


def test_an_error_of_a_read_is_the_calls_error() -> None:
    config = FakeConfig({"db": {}}, max_age=60)
    pool = config.bind("db", Made)
    first = pool()
    config.age = 61
    with pytest.raises(SnapshotTooStale):
        pool()
    config.age = 0
    assert pool() is first


def test_an_absent_option_is_not_found_and_the_object_waits(config: FakeConfig) -> None:
    pool = config.bind("new", Made, Made.dispose)
    with pytest.raises(OptionNotFound):
        pool()
    config.set("new", {"a": 1})
    first = pool()
    config.delete("new")
    for _ in range(2):
        with pytest.raises(OptionNotFound):
            pool()
    assert first.disposed == 0
    config.set("new", {"a": 2})
    assert pool().options == ({"a": 2},)
    assert first.disposed == 1


# --- make fails ----------------------------------------------------------------------------------


def refusing(bad: dict[str, Any], counted: list[Any]) -> Callable[[Any], Made]:
    def make(option: Any) -> Made:
        counted.append(option)
        if option == bad:
            raise ConnectionError("no route to secret-host")
        return Made(option)

    return make


def test_the_first_failure_is_raised_and_not_repeated_at_every_call(
    config: FakeConfig, clock: Clock
) -> None:
    counted: list[Any] = []
    pool = config.bind("db", refusing({"host": "a"}, counted))
    for _ in range(50):
        with pytest.raises(ConnectionError, match="no route"):
            pool()
    assert len(counted) == 1
    config.set("db", {"host": "b"})  # a new version is tried at once
    assert pool().options == ({"host": "b"},)


def test_the_same_version_is_retried_with_growing_pauses(config: FakeConfig, clock: Clock) -> None:
    counted: list[Any] = []
    pool = config.bind("db", refusing({"host": "a"}, counted))
    tries = []
    for _ in range(200):
        with pytest.raises(ConnectionError):
            pool()
        if len(counted) > len(tries):
            tries.append(clock.now)
        clock.now += 1
    assert [later - earlier for earlier, later in itertools.pairwise(tries)] == [
        1, 2, 4, 8, 16, 32, 60, 60,
    ]  # fmt: skip


def test_a_failure_keeps_the_old_object_and_is_raised_once(
    config: FakeConfig, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[Any] = []
    pool = config.bind("db", refusing({"host": "b"}, counted), Made.dispose)
    first = pool()
    config.set("db", {"host": "b"})
    with pytest.raises(ConnectionError):
        pool()
    assert [pool() for _ in range(20)] == [first] * 20
    assert (len(counted), first.disposed) == (2, 0)
    config.set("db", {"host": "c"})
    assert pool().options == ({"host": "c"},)
    assert first.disposed == 1


def test_with_keep_valid_a_failure_is_only_reported(
    config: FakeConfig, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")
    counted: list[Any] = []
    pool = config.bind("db", refusing({"host": "b"}, counted), Made.dispose, keep_valid=True)
    first = pool()
    assert config.status().kept_objects == []
    config.set("db", {"host": "b"})
    for _ in range(30):
        assert pool() is first
        clock.now += 1
    assert len(counted) == 6
    assert config.status().kept_objects == [
        "bind('db') keeps its object: make raised ConnectionError"
    ]
    config.set("db", {"host": "c"})
    assert pool().options == ({"host": "c"},)
    assert config.status().kept_objects == []
    warning, info = caplog.messages
    assert "bind('db') keeps its object: make raised ConnectionError" in warning
    assert "is current again" in info
    assert "secret-host" not in caplog.text


def test_with_keep_valid_an_option_that_was_removed_keeps_the_object(
    config: FakeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    pool = config.bind("db", Made, Made.dispose, keep_valid=True)
    first = pool()
    config.delete("db")
    assert [pool(), pool()] == [first, first]
    assert len(caplog.messages) == 1
    assert "has no option 'db'" in config.status().kept_objects[0]
    config.set("db", {"host": "a"})
    pool()
    assert config.status().kept_objects == []
    assert FakeConfig().bind("db", Made, keep_valid=True).close() is None


def test_the_object_of_a_default_is_current_again_with_the_default() -> None:
    def make(option: Any) -> Made:
        assert "broken" not in option
        return Made(option)

    config = FakeConfig(defaults={"db": {"host": "local"}})
    pool = config.bind("db", make, keep_valid=True)
    first = pool()
    config.set("db", {"broken": True})
    assert pool() is first
    assert config.status().kept_objects
    config.delete("db")
    assert pool() is first
    assert config.status().kept_objects == []


def test_an_interrupt_in_make_is_no_failure(config: FakeConfig) -> None:
    interrupts = [KeyboardInterrupt()]

    def make(option: Any) -> Made:
        if interrupts:
            raise interrupts.pop()
        return Made(option)

    pool = config.bind("db", make)
    with pytest.raises(KeyboardInterrupt):
        pool()
    assert pool().options == ({"host": "a"},)


def test_a_failing_dispose_is_logged_without_its_text(
    config: FakeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    def dispose(old: Made) -> None:
        raise OSError("secret")

    pool = config.bind("db", Made, dispose)
    pool()
    config.set("db", {"host": "b"})
    assert pool().options == ({"host": "b"},)
    assert "dispose raised OSError" in caplog.text
    assert "secret" not in caplog.text


def test_make_cannot_call_its_own_handle_for_the_first_object(config: FakeConfig) -> None:
    pool: Any = config.bind("db", lambda option: pool())
    with pytest.raises(BindRecursion, match=r"bind\('db'\)"):
        pool()


def test_make_gets_the_old_object_from_its_own_handle(config: FakeConfig) -> None:
    def make(option: Any) -> Made:
        return Made(option, pool() if chained else None)

    chained: list[int] = []
    pool: Any = config.bind("db", make)
    first = pool()
    chained.append(1)
    config.set("db", {"host": "b"})
    assert pool().options == ({"host": "b"}, first)


# --- the handle ----------------------------------------------------------------------------------


def test_close_disposes_of_the_object_and_the_next_call_makes_another(config: FakeConfig) -> None:
    pool = config.bind("db", Made, Made.dispose)
    pool.close()
    first = pool()
    pool.close()
    pool.close()
    assert first.disposed == 1
    with pool as same:
        second = same()
        assert second is not first
    assert second.disposed == 1


def test_a_handle_does_not_keep_old_objects_alive(config: FakeConfig) -> None:
    pool = config.bind("db", Made)
    gone = weakref.ref(pool())
    config.set("db", {"host": "b"})
    pool()
    gc.collect()
    assert gone() is None
    handle = weakref.ref(pool)
    del pool
    gc.collect()
    assert handle() is None


def test_an_error_that_one_call_raised_does_not_keep_that_call_alive(config: FakeConfig) -> None:
    def make(option: Any) -> Made:
        assert "broken" not in option
        return Made(option)

    def request() -> weakref.ref[Made]:
        local = Made()
        try:
            pool()
        except AssertionError:
            failed.append(True)
        return weakref.ref(local)

    failed: list[bool] = []
    pool = config.bind("db", make)
    first = pool()
    config.set("db", {"broken": True})
    local = request()
    gc.collect()
    assert failed
    assert local() is None
    assert pool() is first


def test_a_handle_says_what_it_is_and_is_not_copied(config: FakeConfig) -> None:
    pool = config.bind(["db", "cache"], Made)
    assert repr(pool) == "<bind('db', 'cache') of <ddbcfg Config config/test>>"
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="belongs to its process"):
            copied(pool)


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((5, Made), {}),
        (([], Made), {}),
        (([5], Made), {}),
        (("db", None), {}),
        (("db", Made, 5), {}),
    ],
)
def test_wrong_arguments_are_refused(
    config: FakeConfig, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    with pytest.raises(ArgumentsRefused) as caught:
        config.bind(*arguments, **keywords)
    assert isinstance(caught.value, TypeError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
