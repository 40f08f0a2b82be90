"""The hot path of a bound object, as Python and compiled: both return the same (G1, G2)."""

from __future__ import annotations

import gc
import os
import sys
import time
import weakref
from types import ModuleType
from typing import Any

import pytest

from ddbcfg_client.format.page import GENERATION_WORD
from ddbcfg_client.hotpath import hot, hot_bound

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None
from support.hot_readers import DB, GENERATION, reader_of

PROCESS = 3


def bound_of(readers: ModuleType, bounds: ModuleType) -> type[Any]:
    class Bound(bounds.HotBound):  # type: ignore[name-defined,misc]
        """Counts how often it was asked."""

        __slots__ = ("__weakref__", "asked", "reader", "word")

        def __init__(self) -> None:
            self.asked = 0
            self.reader = reader_of(readers)()
            self.word = memoryview(bytearray(8)).cast("Q")
            self.word[0] = PROCESS
            self.take("made")

        def take(self, made: Any, process: int = PROCESS) -> None:
            self._held = (self.reader, self.reader._view[2], self.word, process, made)

        def _slowly(self) -> Any:
            self.asked += 1
            return "slow"

    return Bound


@pytest.fixture(
    params=[
        pytest.param((hot, hot_bound), id="python"),
        pytest.param(
            (_compiled, _compiled),
            id="compiled",
            marks=pytest.mark.skipif(_compiled is None, reason="it is not built here"),
        ),
    ]
)
def bound(request: pytest.FixtureRequest) -> Any:
    return bound_of(*request.param)()


def test_what_was_made_is_returned_without_asking(bound: Any) -> None:
    made = object()
    bound.take(made)
    assert [bound() for _ in range(3)] == [made] * 3
    assert bound.asked == 0


def test_it_asks_after_a_new_generation_even_if_the_reader_has_loaded_it(bound: Any) -> None:
    bound.reader.words[GENERATION_WORD] = GENERATION + 1
    assert bound() == "slow"
    bound.reader.take({"db": DB}, GENERATION + 1)
    assert bound() == "slow"
    bound.take("new")
    assert bound() == "new"


def test_it_asks_when_the_readers_time_is_up_and_goes_on_with_the_same_options(bound: Any) -> None:
    decoded = bound.reader._view[2]
    bound.reader.take(decoded, until=time.monotonic() - 1)
    assert bound() == "slow"
    bound.reader.take(decoded)
    assert bound() == "made"


@pytest.mark.parametrize("word", [0, PROCESS + 1, 2**64 - 1])
def test_it_asks_in_another_process(bound: Any, word: int) -> None:
    bound.word[0] = word
    assert bound() == "slow"
    bound.word[0] = PROCESS
    assert bound() == "made"


def test_without_a_word_the_pid_says_which_process_it_is(bound: Any) -> None:
    decoded = bound.reader._view[2]
    bound._held = (bound.reader, decoded, None, os.getpid(), "made")
    assert bound() == "made"
    bound._held = (bound.reader, decoded, None, os.getpid() + 1, "made")
    assert bound() == "slow"


def test_a_reader_that_let_go_is_not_current(bound: Any) -> None:
    bound.reader._view = (bound.reader.words, -1, {}, 0.0, None)
    assert bound() == "slow"


def test_it_takes_no_arguments(bound: Any) -> None:
    for arguments, keywords in ((("db",), {}), ((), {"option": "db"})):
        with pytest.raises(TypeError):
            bound(*arguments, **keywords)
    assert bound() == "made"
    assert bound.asked == 0


def test_it_can_be_called_through_a_method_and_as_a_callback(bound: Any) -> None:
    assert bound.__call__() == "made"
    assert [call() for call in [bound]] == ["made"]
    assert next(iter(bound, None)) == "made"


def test_a_class_that_is_patched_or_overrides_the_call_is_obeyed(bound: Any) -> None:
    class Own(type(bound)):  # type: ignore[misc]
        __slots__ = ()

        def __call__(self, *arguments: Any) -> Any:
            return ("own", arguments, super().__call__())

    assert Own()(1) == ("own", (1,), "made")
    assert bound() == "made"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(bound), "__call__", lambda self, *arguments: ("patched", arguments))
        assert bound(5) == ("patched", (5,))
    assert bound() == "made"


def test_an_object_that_replaces_itself_while_it_is_freed_does_no_harm(bound: Any) -> None:
    class Late:
        def __del__(self) -> None:
            seen.append(bound())
            bound.take("later")

    seen: list[Any] = []
    bound.take(Late())
    bound.take("next")
    assert seen == ["next"]
    assert bound() == "later"


def test_it_keeps_what_it_needs_and_lets_it_go(bound: Any) -> None:
    class Made:
        pass

    made = Made()
    gone = weakref.ref(made)
    bound.take(made)
    del made
    gc.collect()
    assert bound() is gone()
    word = weakref.ref(bound.word)
    bound.word = memoryview(bytearray(8)).cast("Q")
    assert word() is not None
    bound.word[0] = PROCESS
    bound.take(None)
    assert gone() is None
    assert word() is None
    assert bound() is None


def test_a_cycle_through_what_was_made_is_collected(bound: Any) -> None:
    own = type(bound)()
    own.take([own])
    gone = weakref.ref(own)
    del own
    gc.collect()
    assert gone() is None


def test_references_are_counted_right(bound: Any) -> None:
    made = object()
    bound.take(made)
    before = sys.getrefcount(made)
    for _ in range(1000):
        bound()
    assert sys.getrefcount(made) == before


@pytest.mark.skipif(_compiled is None, reason="it is not built here")
@pytest.mark.parametrize(
    "replace",
    [
        {0: None},
        {0: object()},
        {0: hot.Hot()},
        {1: None},
        {1: type("Sub", (dict,), {})()},
        {2: b"short"},
        {2: "text"},
        {2: memoryview(bytearray(16))[1:9]},
        {3: -1},
        {3: 2**64},
        {3: "3"},
    ],
    ids=lambda replace: " ".join(
        f"{place} {type(value).__name__}" for place, value in replace.items()
    ),
)
def test_what_cannot_be_held_is_refused(replace: dict[int, Any]) -> None:
    bound = bound_of(_compiled, _compiled)()
    held = list(bound._held)
    for place, value in replace.items():
        held[place] = value
    with pytest.raises((TypeError, ValueError, OverflowError, BufferError)):
        bound._held = tuple(held)
    for wrong in (None, [], tuple(held[:4]), (*held, 1)):
        with pytest.raises(TypeError):
            bound._held = wrong
    with pytest.raises(TypeError):
        del bound._held
    assert bound() == "made"


@pytest.mark.skipif(_compiled is None, reason="it is not built here")
def test_one_that_holds_nothing_asks() -> None:
    bare = _compiled.HotBound()
    with pytest.raises(NotImplementedError):
        bare()
    with pytest.raises(AttributeError):
        _ = bare._held
