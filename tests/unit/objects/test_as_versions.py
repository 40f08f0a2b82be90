"""``config.get(option, as_=...)``: one object for each version of the option (G2)."""

from __future__ import annotations

import dataclasses
import logging
import threading
from decimal import Decimal
from typing import Any

import pytest

from ddbcfg_client.errors import ArgumentsRefused, OptionInvalid, OptionNotFound
from ddbcfg_client.testing import FakeConfig

SECRET = "hunter2"


@dataclasses.dataclass(frozen=True)
class Replica:
    host: str
    port: int


def test_the_object_stays_until_that_option_changes() -> None:
    config = FakeConfig({"db": {"host": "r", "port": 1}, "other": {}})
    made = config.get("db", as_=Replica)
    assert config.get("db", as_=Replica) is made
    config.set("other", {"n": 1})
    assert config.get("db", as_=Replica) is made
    config.set("db", {"host": "r", "port": 2})
    assert config.get("db", as_=Replica) == Replica("r", 2)
    assert config.get("db")["port"] == 2


def test_any_callable_gets_the_option_once_for_each_version() -> None:
    config = FakeConfig({"db": {"n": 1}})
    seen: list[Any] = []

    def make(option: Any) -> list[Any]:
        seen.append(option)
        return []

    made = config.get("db", as_=make)
    assert config.get("db", as_=make) is made
    assert seen == [config["db"]]
    assert seen[0] is config["db"]

    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, option: Any) -> list[Any]:
            return [option]

    unhashable = Unhashable()
    assert config.get("db", as_=unhashable) is config.get("db", as_=unhashable)
    for _ in range(1000):
        config.get("db", as_=lambda option: option)
    assert len(config.snapshot().version("db").made or ()) <= 64


def test_threads_get_one_object() -> None:
    config = FakeConfig({"db": {"n": 1}})
    barrier = threading.Barrier(8)
    found: list[Any] = []

    def make(option: Any) -> object:
        barrier.wait(10)  # all of them convert at once
        return object()

    threads = [
        threading.Thread(target=lambda: found.append(config.get("db", as_=make))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_default_is_returned_as_it_is_and_for_absent_options_only() -> None:
    config = FakeConfig({"db": {"host": 5}}, defaults={"spare": {"host": "s", "port": 2}})
    default = object()
    assert config.get("nope", default, as_=Replica) is default
    assert config.get("nope", default=None, as_=Replica) is None
    with pytest.raises(OptionNotFound):
        config.get("nope", as_=Replica)
    for name in (5, []):
        assert config.get(name, default, as_=Replica) is default  # type: ignore[call-overload]
    with pytest.raises(OptionInvalid):
        config.get("db", None, as_=Replica)
    spare = config.get("spare", as_=Replica)
    assert spare == Replica("s", 2)
    assert config.get("spare", as_=Replica) is spare


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [((), {}), ((None,), {}), (("db",), {"keys": ["host"]}), (("db", None, ["host"]), {})],
)
def test_it_goes_with_one_whole_option(arguments: Any, keywords: Any) -> None:
    with pytest.raises(TypeError, match="as_"):
        FakeConfig({"db": {}}).get(*arguments, as_=Replica, **keywords)


@pytest.mark.parametrize("target", [5, "Replica", [], Decimal(5)])
def test_what_is_no_type_is_a_type_error(target: Any) -> None:
    with pytest.raises(ArgumentsRefused) as caught:
        FakeConfig({"db": {}}).get("db", as_=target)
    assert isinstance(caught.value, TypeError)


# --- keep_valid ----------------------------------------------------------------------------------


def test_keep_valid_keeps_the_last_valid_object_and_reports_it_once_a_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")
    config = FakeConfig({"db": {"host": "a", "port": 1}})
    first = config.get("db", as_=Replica, keep_valid=True)
    assert config.status().kept_objects == []
    config.set("db", {"host": "b", "port": SECRET})
    for _ in range(3):
        assert config.get("db", as_=Replica, keep_valid=True) is first
    with pytest.raises(OptionInvalid):
        config.get("db", as_=Replica)
    (kept,) = config.status().kept_objects
    assert "db.port: expected int, found str" in kept
    config.delete("db")
    assert config.get("db", as_=Replica, keep_valid=True) is first
    config.set("db", {"host": "c", "port": 2})
    assert config.get("db", as_=Replica, keep_valid=True) == Replica("c", 2)
    assert config.status().kept_objects == []
    assert len(caplog.messages) == 3
    assert SECRET not in caplog.text


def test_keep_valid_without_a_valid_object_raises() -> None:
    config = FakeConfig({"db": {}})
    with pytest.raises(OptionInvalid):
        config.get("db", as_=Replica, keep_valid=True)
    with pytest.raises(OptionNotFound):
        config.get("nope", as_=Replica, keep_valid=True)


# --- with bind -----------------------------------------------------------------------------------


def test_bind_passes_converted_options(caplog: pytest.LogCaptureFixture) -> None:
    config = FakeConfig({"db": {"host": "a", "port": 1}, "limits": {"x": 1}})
    both = config.bind(["db", "limits"], lambda *given: given, as_=[Replica, dict[str, int]])
    mixed = config.bind(["db", "limits"], lambda *given: given, as_=[None, dict[str, int]])
    assert mixed() == (config.db, {"x": 1})
    one = config.bind("db", lambda replica: [replica], as_=Replica, keep_valid=True)
    assert both() == (Replica("a", 1), {"x": 1})
    assert both()[0] is one()[0] is config.get("db", as_=Replica)
    first = one()
    config.set("db", {"host": SECRET, "port": SECRET})
    assert one() is first
    assert "db.port: expected int, found str" in config.status().kept_objects[0]
    assert SECRET not in caplog.text
    with pytest.raises(OptionInvalid):
        both()


@pytest.mark.parametrize("as_", [Replica, [Replica], [Replica] * 3])
def test_bind_of_several_options_wants_as_many_types(as_: Any) -> None:
    with pytest.raises(ArgumentsRefused, match="as many types"):
        FakeConfig().bind(["db", "limits"], print, as_=as_)
