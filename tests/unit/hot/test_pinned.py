"""The hot path of a snapshot, as Python and compiled: both return the same (G1)."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from ddbcfg_client.hotpath import hot_pinned

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None
from support.hot_readers import DB


@pytest.fixture(
    params=[
        pytest.param(hot_pinned, id="python"),
        pytest.param(
            _compiled,
            id="compiled",
            marks=pytest.mark.skipif(_compiled is None, reason="it is not built here"),
        ),
    ]
)
def base(request: pytest.FixtureRequest) -> Any:
    return request.param.HotPinned


@pytest.fixture
def pinned(base: Any) -> Any:
    class Pinned(base):  # type: ignore[misc]
        """Keeps the names that it was asked for."""

        __slots__ = ("__weakref__", "asked")

        def __init__(self) -> None:
            self.decoded = {"db": DB}
            self.asked: list[object] = []

        def _read(self, option: str) -> Any:
            self.asked.append(option)
            if option == "missing":
                raise KeyError(option)
            return "slow"

    return Pinned()


def test_a_decoded_option_is_served_without_asking(pinned: Any) -> None:
    assert pinned["db"] is DB
    assert pinned.asked == []


@pytest.mark.parametrize("name", ["queue", "", "d\u00e9", "\udc80", 3, None, ["db"]])
def test_the_subclass_is_asked_for_all_else(pinned: Any, name: Any) -> None:
    assert pinned[name] == "slow"
    assert pinned.asked == [name]


def test_what_the_subclass_raises_is_raised_alone(pinned: Any) -> None:
    with pytest.raises(KeyError) as caught:
        pinned["missing"]
    assert caught.value.__context__ is None


def test_an_option_that_was_decoded_meanwhile_is_served(pinned: Any) -> None:
    assert pinned["queue"] == "slow"
    pinned.decoded["queue"] = DB
    assert pinned["queue"] is DB
    assert pinned.asked == ["queue"]


def test_the_options_can_be_replaced(pinned: Any) -> None:
    pinned.decoded = {}
    assert pinned["db"] == "slow"


def test_a_name_with_code_of_its_own_can_replace_them_during_the_read(pinned: Any) -> None:
    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            pinned.decoded = {}
            gc.collect()
            return hash("db")

    name = Name("db")
    assert pinned[name] in (DB, "slow")
    assert pinned.decoded == {} or pinned.asked == [name]


def test_the_type_without_a_subclass_raises(base: Any) -> None:
    made = base()
    with pytest.raises(AttributeError):
        made.decoded  # noqa: B018 - it is not set yet
    made.decoded = {}
    with pytest.raises(NotImplementedError):
        made["db"]


@pytest.mark.skipif(_compiled is None, reason="it is not built here")
@pytest.mark.parametrize("other", [None, [], 3])
def test_only_a_dict_is_taken_for_the_options(other: Any) -> None:
    made = _compiled.HotPinned()
    with pytest.raises(TypeError, match="decoded is a dict"):
        made.decoded = other
    with pytest.raises(TypeError, match="decoded is a dict"):
        del made.decoded


def test_reading_changes_no_reference_count(pinned: Any) -> None:
    value = {"n": 1}
    pinned.decoded["db"] = value
    count = sys.getrefcount(value)
    for _ in range(100):
        pinned["db"]
    assert sys.getrefcount(value) == count


def test_a_cycle_through_the_options_is_collected(base: Any) -> None:
    class Pinned(base):  # type: ignore[misc]
        __slots__ = ("__weakref__",)

    made = Pinned()
    made.decoded = {"self": made}
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None
