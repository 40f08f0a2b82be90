"""msgpack bytes to values: the compiled reader gives what msgpack gives, for any bytes (G6, G9)."""

from __future__ import annotations

import gc
import math
import struct
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgpack import ExtType, Packer, packb

from ddbcfg_client.errors import MalformedValue
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.unpack import DEEPEST
from ddbcfg_client.format.values import pack_option
from support.children import run_python
from support.decoding import reference

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None

pytestmark = pytest.mark.skipif(_compiled is None, reason="it is not built here")

by_python = reference()

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(),
    st.text(),
    st.binary(),
    st.builds(ExtType, st.integers(0, 127), st.binary(max_size=20)),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=20),
        st.dictionaries(st.one_of(st.text(max_size=5), st.binary(max_size=5)), inner, max_size=20),
    ),
)


def by_msgpack(raw: bytes) -> Any:
    """Return the value as msgpack decodes it; the class of the error if it refuses."""
    return _result(lambda: by_python(raw, lambda code, data: (code, data)))


def compiled(raw: bytes) -> Any:
    """Return the value as the compiled reader decodes it; the class of the error if it refuses."""
    return _result(lambda: _compiled.unpack(raw))


def _result(decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except ValueError:
        return ValueError


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, of the same types, and in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or math.isnan(one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(values)
def test_any_value_is_the_same(value: Any) -> None:
    raw = packb(value)
    assert same(by_msgpack(raw), compiled(raw))


@given(st.floats(width=32))
def test_a_float_of_32_bits_is_the_same(value: float) -> None:
    raw = Packer(use_single_float=True).pack(value)
    assert same(by_msgpack(raw), compiled(raw))


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xc1")
@example(b"\xdd\xff\xff\xff\xff")  # an array of 4 Gi elements
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xdb\xff\xff\xff\xff")
@example(b"\x81\x01\x02")  # a key that is a number
@example(b"\x82\xa1a\x01\xa1a\x02")  # a key twice
@example(b"\xa1\xff")  # not UTF-8
@example(b"\xa3\xed\xa0\x80")  # a surrogate
@example(b"\xc0\xc0")
@example(b"\xd6\xff\x00\x00\x00\x00")  # a time
@example(b"\x91\xd6\xff\x00\x00\x00\x00")
@example(b"\xc7\x03\xff\x00\x00\x00")  # one of no size that a time has
def test_any_bytes_give_the_same_or_are_refused_by_both(raw: bytes) -> None:
    expected, found = by_msgpack(raw), compiled(raw)
    assert same(expected, found) or (expected is ValueError and found is ValueError)


@given(values, st.data())
def test_damage_gives_the_same_or_is_refused_by_both(value: Any, data: st.DataObject) -> None:
    raw = bytearray(packb(value))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    assert same(by_msgpack(cut), compiled(cut)) or by_msgpack(cut) is compiled(cut) is ValueError


@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536])
@pytest.mark.parametrize("kind", ["text", "binary", "extension", "list", "map"])
def test_every_size_is_read(kind: str, size: int) -> None:
    of: dict[str, Callable[[], Any]] = {
        "text": lambda: "x" * size,
        "binary": lambda: b"x" * size,
        "extension": lambda: ExtType(5, b"x" * size),
        "list": lambda: [7] * size,
        "map": lambda: {str(number): number for number in range(size)},
    }
    raw = packb(of[kind]())
    assert same(by_msgpack(raw), compiled(raw))
    assert compiled(raw[:-1]) is ValueError
    assert compiled(raw + b"\xc0") is ValueError


@pytest.mark.parametrize(
    "level", [b"\x91", b"\x81\xa1k", b"\xdc\x00\x01", b"\xdf\x00\x00\x00\x01\xa1k"]
)
def test_nesting_is_limited(level: bytes) -> None:
    for decode in (compiled, by_msgpack):
        assert decode(level * DEEPEST + b"\xc0") is not ValueError
        for levels in (DEEPEST + 1, 100_000):
            assert decode(level * levels + b"\xc0") is ValueError


@pytest.mark.parametrize("kind", ["M", "L"])
def test_an_option_is_packed_as_deep_as_it_is_read(kind: str) -> None:
    value: Any = {"N": "12"}
    for _ in range(DEEPEST - 1):
        value = {kind: {"k": value} if kind == "M" else [value]}
    assert unpack_option(pack_option("deep", {"key": value}))
    with pytest.raises(MalformedValue):
        pack_option("deep", {"key": {"L": [value]}})


_IN_A_SMALL_THREAD = """
import threading
from ddbcfg_client.format.options import unpack_option

def read(raw):
    try:
        results.append(unpack_option(raw))
    except ValueError:
        results.append("refused")

results = []
threading.stack_size(128 * 1024)  # the default of musl
for levels in (33, 64, 65, 1024):
    raw = b"\\x81\\xa1k" * levels + b"\\xd5\\x01" + b"12"
    thread = threading.Thread(target=read, args=[raw])
    thread.start()
    thread.join()
print([type(result).__name__ for result in results])
"""


def test_no_nesting_overflows_the_stack_of_a_small_thread() -> None:
    done = run_python("-c", _IN_A_SMALL_THREAD, check=True)
    assert done.stdout.strip() == "['ReadOnlyDict', 'ReadOnlyDict', 'str', 'str']"


def test_the_hooks_replace_what_they_get() -> None:
    raw = packb({"a": [ExtType(3, b"x"), {}]})
    found = _compiled.unpack(raw, lambda code, data: (data, code), lambda d: [d], tuple)
    assert found == [{"a": ((b"x", 3), [{}])}]


@pytest.mark.parametrize("at", range(3))
def test_the_error_of_a_hook_is_raised(at: int) -> None:
    def fails(*_: Any) -> Any:
        raise KeyError("mine")

    hooks = [None, None, None]
    hooks[at] = fails  # type: ignore[call-overload]
    raw = packb([[], {"a": ExtType(3, b"x"), "b": []}])
    with pytest.raises(KeyError, match="mine"):
        _compiled.unpack(raw, *hooks)


def test_only_bytes_are_taken() -> None:
    with pytest.raises(TypeError):
        _compiled.unpack("text")
    with pytest.raises(TypeError):
        _compiled.unpack()
    with pytest.raises(TypeError):
        _compiled.unpack(b"\xc0", None, None, None, None)


def test_equal_keys_are_one_object() -> None:
    first, second = _compiled.unpack(packb([{"a key of options": 1}, {"a key of options": 2}]))
    assert next(iter(first)) is next(iter(second))


_READS_EVER_NEW_KEYS = """
import sys
from ddbcfg_client._compiled import unpack

def read(first):
    for number in range(first, first + 60_000):
        unpack(b"\\x81\\xd9\\x28%040d\\xc0" % number)
    return sys.getallocatedblocks()

before = read(0)  # Python 3.12 keeps the first ones
print(read(60_000) - before)
"""


def test_keys_that_are_gone_take_no_memory() -> None:
    """Such as those of a map by user: a process may read new ones for months."""
    done = run_python("-c", _READS_EVER_NEW_KEYS, check=True)
    assert int(done.stdout) < 1000


def test_nothing_is_left_of_what_was_refused() -> None:
    values = [{"k": [b"b" * 50, "t" * 50, 1.5, 1 << 40, ExtType(3, b"e")]}] * 20
    raw = packb(values)

    def refuse_all() -> None:
        for size in range(0, len(raw), 7):
            assert compiled(raw[:size]) is ValueError

    refuse_all()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(5):
        refuse_all()
    gc.collect()
    assert sys.getallocatedblocks() - before < 50


def test_a_hook_that_searches_the_collector_finds_no_half_list() -> None:
    """Reading an element that is not there yet would end the process."""
    lengths = []

    def search(code: int, data: bytes) -> Any:
        for found in gc.get_objects():
            # The type first: an object of another test may not be comparable.
            if type(found) is list and found and type(found[0]) is str and found[0] == "the first":
                lengths.append(len([*map(repr, found)]))
        return code

    raw = packb(["the first", ExtType(5, b""), *range(50)])
    assert _compiled.unpack(raw, search) == ["the first", 5, *range(50)]
    assert lengths == [1]


def test_lists_that_promise_more_than_follows_take_no_memory_for_it() -> None:
    size = 1_000_000
    raw = (b"\xdd" + size.to_bytes(4, "big")) * 200 + bytes(size)
    tracemalloc.start()
    try:
        assert compiled(raw) is ValueError
        assert tracemalloc.get_traced_memory()[1] < 20 * size
    finally:
        tracemalloc.stop()
