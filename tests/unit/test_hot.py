"""The hot path, as Python and compiled: both do the same (G1, G2)."""

from __future__ import annotations

import gc
import inspect
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from mmap import mmap
from types import ModuleType
from typing import Any

import pytest

from ddbcfg_client.format.page import GENERATION_WORD
from ddbcfg_client.hotpath import hot

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None

IMPLEMENTATIONS = [
    pytest.param(hot, id="python"),
    pytest.param(
        _compiled,
        id="compiled",
        marks=pytest.mark.skipif(_compiled is None, reason="it is not built here"),
    ),
]
GENERATION = 7
LATER = time.monotonic() + 3600
DB = {"host": "db"}


def reader_of(module: ModuleType) -> type[Any]:
    class Reader(module.Hot):  # type: ignore[name-defined,misc]
        """Says what it was asked, and keeps what its subclass would."""

        __slots__ = ("__weakref__", "asked", "words")

        def __init__(self) -> None:
            self.asked: list[Any] = []
            self.words = memoryview(mmap(-1, 4096)).cast("Q")
            self.words[GENERATION_WORD] = GENERATION
            self.take({"db": DB})

        def take(
            self, decoded: dict[str, Any], generation: int = GENERATION, until: float = LATER
        ) -> None:
            self._view = (self.words, generation, decoded, until, None)

        def _get(self, option: Any = None, default: Any = "none", keys: Any = None) -> Any:
            self.asked.append(("get", option, default, keys))
            return "slow"

        def _lookup(self, option: Any) -> Any:
            self.asked.append(("lookup", option))
            return "slow"

        def _missing(self, name: Any) -> Any:
            self.asked.append(("missing", name))
            raise AttributeError(name)

    return Reader


@pytest.fixture(params=IMPLEMENTATIONS)
def reader(request: pytest.FixtureRequest) -> Any:
    return reader_of(request.param)()


def test_what_was_decoded_is_answered_without_asking(reader: Any) -> None:
    assert reader.get("db") is DB
    assert reader.get("db", None) is DB
    assert reader["db"] is DB
    assert reader.db is DB
    assert reader.asked == []


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((), {}),
        (("nope",), {}),
        (("nope", 5), {}),
        (("db", 5, ["host"]), {}),
        (("db",), {"keys": ["host"]}),
        ((), {"option": "nope"}),
        ((), {"default": 1, "option": "nope"}),
    ],
)
def test_all_else_is_asked_for_with_the_same_arguments(
    reader: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    assert reader.get(*arguments, **keywords) == "slow"
    ((_, option, default, keys),) = reader.asked
    given = dict(zip(("option", "default", "keys"), arguments, strict=False)) | keywords
    # "none" stands for the default's default, which is the module's own.
    assert (option, keys) == (given.get("option"), given.get("keys"))
    assert default is given.get("default", default)


@pytest.mark.parametrize("option", [5, None, ("a",), [], {}, "nope"])
def test_what_is_no_option_is_asked_for_too(reader: Any, option: Any) -> None:
    assert reader[option] == "slow"
    assert reader.get(option) == "slow"
    assert [asked[:2] for asked in reader.asked] == [("lookup", option), ("get", option)]


def test_an_attribute_that_is_no_option_is_an_attribute_error(reader: Any) -> None:
    with pytest.raises(AttributeError):
        _ = reader.nope
    assert not hasattr(reader, "nope")
    assert reader.asked == [("missing", "nope")] * 2


def test_a_name_that_begins_with_an_underscore_is_no_option(reader: Any) -> None:
    reader.take({"_db": DB, "": DB})
    for name in ("_db", ""):
        assert reader.get(name) is DB
    assert not hasattr(reader, "_db")
    assert reader.asked == [("missing", "_db")]


def test_no_name_stays_on_a_class_for_ever(reader: Any) -> None:
    """Bounded: once 30,001 names were class attributes, for 100 options that were there."""
    kinds = type(reader).__mro__[:-1]
    before = [set(vars(kind)) for kind in kinds]
    for number in range(1000):
        reader.take({f"option{number}": DB})
        assert getattr(reader, f"option{number}") is DB
    assert getattr(reader, "option0", None) is None
    added = sum(len(set(vars(kind)) - names) for kind, names in zip(kinds, before, strict=True))
    assert added <= (hot._REMEMBERED_AT_MOST if hot._MISSING_IS_SLOW else 0)


def test_an_attribute_of_a_subclass_comes_before_an_option_of_its_name(reader: Any) -> None:
    class Open(type(reader)):  # type: ignore[misc]
        own = "the class's"

    early = Open()
    early.pool = "set before it was read"
    options = {"pool": DB, "own": DB, "slot": DB}
    reader.take(options)
    assert (reader.pool, reader.own, reader.slot) == (DB, DB, DB)
    late = Open()
    late.take(options)
    assert (late.pool, late.own) == (DB, "the class's")
    late.pool = "set after it was read"
    late.own = "the object's"
    assert (early.pool, late.pool, late.own) == (
        "set before it was read",
        "set after it was read",
        "the object's",
    )
    del late.pool
    assert late.pool is DB
    assert not hasattr(Open, "pool")

    class Slotted(type(reader)):  # type: ignore[misc]
        __slots__ = ("slot",)

    slotted = Slotted()
    slotted.slot = "the slot's"
    assert slotted.slot == "the slot's"
    with pytest.raises(AttributeError):
        slotted.pool = "nowhere to keep it"


def test_a_property_that_fails_for_want_of_an_attribute_is_looked_for(reader: Any) -> None:
    class Failing(type(reader)):  # type: ignore[misc]
        __slots__ = ()

        @property
        def derived(self) -> Any:
            raise AttributeError("inner")

        @property
        def broken(self) -> Any:
            raise ValueError("inner")

    own = Failing()
    with pytest.raises(AttributeError):
        _ = own.derived
    assert own.asked == [("missing", "derived")]
    with pytest.raises(ValueError, match="inner"):
        _ = own.broken


def test_another_generation_is_asked_for(reader: Any) -> None:
    reader.words[GENERATION_WORD] = GENERATION + 1
    assert (reader.get("db"), reader["db"]) == ("slow", "slow")
    assert not hasattr(reader, "db")
    reader.take({"db": 2}, GENERATION + 1)
    assert (reader.get("db"), reader["db"], reader.db) == (2, 2, 2)


@pytest.mark.parametrize("word", [1 << 63 | GENERATION, 0, 2**64 - 1])
def test_a_retired_page_is_another_generation(reader: Any, word: int) -> None:
    reader.words[GENERATION_WORD] = word
    assert reader.get("db") == "slow"


def test_it_asks_when_its_time_is_up(reader: Any) -> None:
    reader.take({"db": DB}, until=time.monotonic() - 1)
    assert (reader.get("db"), reader["db"]) == ("slow", "slow")
    reader.take({"db": DB})
    assert reader.get("db") is DB


def test_no_generation_is_never_hot(reader: Any) -> None:
    reader.words[GENERATION_WORD] = 2**64 - 1
    reader._view = (reader.words, -1, {"db": DB}, LATER, None)
    assert reader.get("db") == "slow"


def test_a_view_keeps_the_memory_alive_and_lets_it_go(reader: Any) -> None:
    words = weakref.ref(reader.words)
    reader.words = None
    gc.collect()
    assert reader.get("db") is DB
    assert words() is not None
    reader._view = (memoryview(bytes(4096)).cast("Q"), -1, {}, 0.0, None)
    gc.collect()
    assert words() is None


def test_a_reader_in_a_cycle_is_collected(reader: Any) -> None:
    reader.asked.append(reader)
    reader._view = (reader.words, GENERATION, {"db": DB}, LATER, reader)
    gone = weakref.ref(reader)
    del reader
    gc.collect()
    # pytest's fixture still holds it here; a reader of the test's own shows what this is about.
    own = type(gone())()
    own._view = (own.words, GENERATION, {"db": DB}, LATER, own)
    gone = weakref.ref(own)
    del own
    gc.collect()
    assert gone() is None


def test_names_are_found_by_what_they_say_however_many_there_are(reader: Any) -> None:
    options = {f"option {number}": {"number": number} for number in range(100)}
    reader.take(options)
    for _ in range(3):
        for number in range(100):
            # Another object each time, some at addresses where another name was before.
            assert reader[f"option {number}"] is reader.get(f"option {number}")
            assert reader[f"option {number}"] == {"number": number}
    assert reader.asked == []


def test_what_was_answered_of_one_generation_is_not_of_the_next(reader: Any) -> None:
    assert reader["db"] is reader.get("db") is reader.db is DB
    other = {"host": "other"}
    reader.words[GENERATION_WORD] += 1
    reader.take({"db": other}, GENERATION + 1)
    assert reader["db"] is reader.get("db") is reader.db is other
    reader.words[GENERATION_WORD] += 1
    reader.take({}, GENERATION + 2)
    assert (reader["db"], reader.get("db")) == ("slow", "slow")


def test_a_reader_keeps_no_names_that_were_asked_for_long_ago(reader: Any) -> None:
    names = [b"db".decode() for _ in range(1000)]  # each an object of its own
    before = [sys.getrefcount(name) for name in names]
    for name in names:
        assert reader[name] is DB
    del name
    kept = sum(map(sys.getrefcount, names)) - sum(before)
    assert kept <= 16
    reader.take({"db": DB})
    assert [sys.getrefcount(name) for name in names] == before


def test_a_class_that_is_patched_after_the_first_read_is_patched(reader: Any) -> None:
    assert reader.get("db") is DB
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(reader), "get", lambda self, option: ("patched", option))
        assert reader.get("db") == ("patched", "db")
    assert reader.get("db") is DB


def test_what_a_subclass_or_an_object_has_of_its_own_comes_first(reader: Any) -> None:
    class Overriding(type(reader)):  # type: ignore[misc]
        __slots__ = ()

        def get(self, *arguments: Any) -> Any:
            return ("overridden", super().get(*arguments))

    class Open(type(reader)):  # type: ignore[misc]
        pass

    own = Overriding()
    assert [own.get("db"), own.get("db")] == [("overridden", DB)] * 2
    own = Open()
    assert own.get("db") is own.get("db") is DB
    own.get = lambda option: ("its own", option)
    assert own.get("db") == ("its own", "db")


def test_get_is_a_method_like_any_other(reader: Any) -> None:
    get = reader.get
    assert get("db") is reader.get("db")
    assert reader.get == get
    assert get.__self__ is reader
    assert get.__name__ == "get"
    assert get.__doc__.strip()


def test_get_is_a_method_for_tools_too(reader: Any) -> None:
    assert inspect.isroutine(reader.get)
    assert list(inspect.signature(reader.get).parameters) == ["option", "default", "keys"]
    assert type(reader).__name__ in repr(reader.get)
    assert {reader.get: 1}[reader.get] == 1
    other = type(reader)()
    assert reader.get != other.get
    assert reader.get != "get"


def test_methods_that_are_kept_and_nested_are_each_their_own(reader: Any) -> None:
    others = [type(reader)() for _ in range(5)]
    kept = [other.get for other in others]
    for number, other in enumerate(others):
        other.take({"db": number})
    assert [get("db") for get in kept] == [0, 1, 2, 3, 4]
    assert [get.__self__ for get in kept] == others
    others[0].take({1: 4})
    others[1].take({"db": "x"})
    assert reader.get(others[1].get("db")) == "slow"
    assert reader.asked[-1][:2] == ("get", "x")
    assert [get.__self__ for get in kept] == others


def test_a_collector_that_reads_while_a_method_is_made_harms_nothing(reader: Any) -> None:
    other = type(reader)()
    seen = []

    def read(phase: str, info: dict[str, int]) -> None:
        kept = other.get  # in use while the next is made
        seen.append(other.get("db") is kept("db") is DB)

    threshold = gc.get_threshold()
    gc.callbacks.append(read)
    gc.set_threshold(1)
    try:
        kept = [reader.get for _ in range(300)]
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(read)
    assert all(get("db") is DB for get in kept)
    assert seen
    assert all(seen)
    del kept
    gc.collect()
    assert reader.get("db") is DB


def test_a_method_keeps_its_reader(reader: Any) -> None:
    get = type(reader)().get
    gone = weakref.ref(get.__self__)
    gc.collect()
    assert get("db") is DB
    del get
    assert gone() is None


def test_a_reader_that_lets_go_needs_no_collector(reader: Any) -> None:
    own = type(reader)()
    assert own.get("db") is own.db is own["db"] is DB
    gone = weakref.ref(own)
    gc.disable()
    try:
        del own
        assert gone() is None
    finally:
        gc.enable()


def test_a_reader_that_keeps_its_own_method_is_collected(reader: Any) -> None:
    class Keeping(type(reader)):  # type: ignore[misc]
        __slots__ = ("read",)

    gone = []
    for _ in range(3):
        own = Keeping()
        own.read = own.get
        gone.append(weakref.ref(own))
        del own
    assert reader.get("db") is DB  # one that was stored is known as such at the next
    gc.collect()
    assert [own() for own in gone] == [None, None, None]


class Odd(str):  # noqa: SLOT000 - it carries the reader
    """A name whose comparison changes the reader under the lookup."""

    reader: Any = None
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        self.reader.take({})
        gc.collect()
        return str.__eq__(self, other)


def test_a_name_that_runs_code_harms_nothing(reader: Any) -> None:
    odd = Odd("db")
    odd.reader = reader
    for _ in range(100):
        reader.take({"d" + chr(98): object()})
        reader[odd]
        reader.get(odd)


def test_a_key_that_runs_code_harms_nothing_either(reader: Any) -> None:
    """Config keeps plain names only; this is what C does with a dict that has others."""
    for _ in range(100):
        odd = Odd("db")
        odd.reader = reader
        reader.take({odd: object()})
        _ = reader["".join("db")]
        assert (reader["db"], reader.get("db")) == ("slow", "slow")
    reader.take({"db": DB})
    assert reader["db"] is DB


def test_threads_that_replace_the_view_harm_no_reader(reader: Any) -> None:
    stop = threading.Event()

    def replace() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            reader.take({"db": [number]})

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(100_000):
            assert reader["db"]
            assert reader.get("db")
            assert reader.db
    finally:
        stop.set()
        thread.join()
    assert reader.asked == []


def test_a_hot_read_allocates_nothing(reader: Any) -> None:
    def read() -> int:
        before = sys.getallocatedblocks()
        for _ in range(1000):
            reader["db"]
            reader.get("db")
            reader.db  # noqa: B018 - it is read
        return sys.getallocatedblocks() - before

    read()
    assert read() < 10  # of the loop's own


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
@pytest.mark.parametrize(
    "read",
    [
        lambda bare: bare.x,
        lambda bare: bare["x"],
        lambda bare: bare.get("x"),
        lambda bare: bare._attribute("x"),
    ],
)
def test_the_type_without_a_subclass_raises_and_does_not_recurse(
    module: ModuleType, read: Callable[[Any], object]
) -> None:
    class Bare(module.Hot):  # type: ignore[name-defined,misc]
        __slots__ = ()

    for bare in (module.Hot(), Bare()):
        bare._view = (memoryview(bytes(4096)).cast("Q"), -1, {}, 0.0, None)
        with pytest.raises(NotImplementedError):
            read(bare)


@pytest.mark.skipif(_compiled is None, reason="it is not built here")
@pytest.mark.parametrize(
    "view",
    [
        None,
        (),
        (memoryview(bytes(64)), 1, {}, 0.0),
        (memoryview(bytes(64)), 1, [], 0.0, None),
        (memoryview(bytes(64)), "1", {}, 0.0, None),
        (memoryview(bytes(64)), 1 << 70, {}, 0.0, None),
        (memoryview(bytes(64)), 1, {}, None, None),
        (memoryview(bytes(16)), 1, {}, 0.0, None),
        (memoryview(bytes(65))[1:], 1, {}, 0.0, None),
        (5, 1, {}, 0.0, None),
    ],
)
def test_the_compiled_one_takes_no_view_that_it_could_not_read(view: Any) -> None:
    reader = reader_of(_compiled)()
    with pytest.raises((TypeError, ValueError, OverflowError)):
        reader._view = view
    assert reader.get("db") is DB
    with pytest.raises(TypeError):
        del reader._view


@pytest.mark.parametrize(("pure", "expected"), [("1", "python"), ("", None)])
def test_a_variable_turns_the_compiled_one_off(pure: str, expected: str | None) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from ddbcfg_client.hotpath import READER; print(READER)"],
        env=os.environ | {"DDBCFG_PURE": pure},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (expected or ("python" if _compiled is None else "compiled"))
