"""The hot path, as Python and compiled: nothing is kept, hostile callers do no harm (G1, G8)."""

from __future__ import annotations

import gc
import sys
import sysconfig
import threading
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from ddbcfg_client.hotpath import hot
from support.children import TESTS, run_python
from support.garbage import leave_out_what_is_here

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None
from support.hot_readers import DB, GENERATION, IMPLEMENTATIONS, LATER, reader_of


@pytest.fixture(autouse=True, scope="module")
def _collect_only_what_these_tests_make() -> None:
    """They ask for hundreds of collections."""
    leave_out_what_is_here()


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


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="its collector waits for more objects"
)
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


_READS_TO_THE_END_OF_THE_STACK = """
import sys
from support.hot_readers import IMPLEMENTATIONS, DB, reader_of

if sys.version_info >= (3, 14):  # it measures the stack itself
    sys.setrecursionlimit(1_000_000)

class Level:
    def __hash__(self):
        assert reader.get("db") is reader.get("db") is DB
        return hash((self,))  # by C code

for module in (each.values[0] for each in IMPLEMENTATIONS if each.values[0]):
    reader = reader_of(module)()
    before = sys.getrefcount(reader)
    for _ in range(5):
        try:
            hash(Level())
        except RecursionError:
            pass
    assert sys.getrefcount(reader) == before
"""


def test_reads_near_the_end_of_the_c_stack_harm_nothing() -> None:
    """Python 3.14 delays deallocations there."""
    run_python(
        "-c", _READS_TO_THE_END_OF_THE_STACK, settings={"PYTHONPATH": str(TESTS)}, check=True
    )


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
    done = run_python(
        "-c",
        "from ddbcfg_client.hotpath import READER; print(READER)",
        settings={"DDBCFG_PURE": pure},
        check=True,
    )
    assert done.stdout.strip() == (expected or ("python" if _compiled is None else "compiled"))
