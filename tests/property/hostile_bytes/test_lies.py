"""G9: arbitrary bytes, and lies with right checksums, are a typed error."""

from __future__ import annotations

import os
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any
from zlib import crc32

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddbcfg_client.config import Config
from ddbcfg_client.errors import ConfigError, SnapshotCorrupt
from ddbcfg_client.format.index import block_checksums
from ddbcfg_client.format.page import (
    GENERATION_WORD,
    PageStatus,
    new_page,
    status_slot,
)
from ddbcfg_client.format.segment import BLOCK_SIZE, HEADER_SIZE, SEGMENT_MAGIC
from ddbcfg_client.shm.trust import Trust
from support.hostile_bytes import ABSENT, LARGE, SMALL, WORDS, Victim, damaged

# --- arbitrary bytes -----------------------------------------------------------------------------


@settings(max_examples=100)
@given(
    head=st.sampled_from(
        [b"", struct.pack("=Q", SEGMENT_MAGIC), struct.pack("=QQ", SEGMENT_MAGIC, 1)]
    ),
    raw=st.binary(max_size=600),
)
@example(b"", b"")
@example(b"", bytes(5000))
@example(b"", b"\xff" * 5000)
def test_any_bytes_as_a_segment_are_a_typed_error(small: Victim, head: bytes, raw: bytes) -> None:
    small.put(head + raw)
    assert small.check(["db"]) <= 3  # what the page alone tells


@settings(max_examples=100)
@given(
    keep=st.sampled_from([0, 8, 16, 24, 32, 64]),
    raw=st.binary(max_size=300),
    size=st.sampled_from([0, 1, 100, 4095, 4096, 4097, 9000]),
)
def test_any_bytes_as_a_page_are_a_typed_error(
    small: Victim, keep: int, raw: bytes, size: int
) -> None:
    page = (small.whole_page[:keep] + raw).ljust(size, b"\xff")
    small.put_page(page)
    small.check(["db"])


@pytest.mark.parametrize("word", [1 << 63, (1 << 63) + 1, 2**64 - 1, 2**62, 7])
def test_a_wrong_generation_word_is_a_typed_error_soon(small: Victim, word: int) -> None:
    page = bytearray(small.whole_page)
    page[GENERATION_WORD * 8 : GENERATION_WORD * 8 + 8] = word.to_bytes(8, sys.byteorder)
    small.put_page(bytes(page))
    before = time.thread_time()
    with pytest.raises(ConfigError):
        Config(small.names, Trust()).get("db")
    assert time.thread_time() - before < 1


def test_a_page_that_is_not_finished_is_none(small: Victim) -> None:
    small.put_page(new_page())
    with pytest.raises(ConfigError, match="no daemon has published it"):
        Config(small.names, Trust()).get("db")


# --- lies with right checksums -------------------------------------------------------------------


FIELDS = [
    "generation",
    "header_size",
    "size",
    "options",
    "slot_bits",
    "slots",
    "longest_probe",
    "slots_at",
    "blocks_at",
    "block_checksum",
    "entries_at",
    "body_at",
    "body_size",
    "body_checksum",
    "about_at",
    "about_size",
    "about_checksum",
    "changes_at",
    "changes_size",
    "changes_checksum",
    "read_at",
    "read_boottime",
]


def sealed(head: bytes) -> bytes:
    """A header with its checksum made right."""
    return head[:-8] + crc32(head[:-8]).to_bytes(8, sys.byteorder)


@settings(max_examples=200)
@given(data=st.data())
def test_a_header_that_lies_with_a_right_checksum(small: Victim, data: st.DataObject) -> None:
    words = list(struct.unpack("=24Q", small.whole[:192]))
    size = len(small.whole)
    near = st.integers(-3, 3)
    for field in data.draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4)):
        number = 2 + FIELDS.index(field)
        words[number] = data.draw(
            st.one_of(
                st.sampled_from([*WORDS, size, size - 8, size * 2]),
                st.integers(0, 2**64 - 1),
                st.builds(lambda by, word=words[number]: max(word + by, 0) % 2**64, near),
                st.builds(lambda by, word=words[number]: max(word + 16 * by, 0) % 2**64, near),
            )
        )
    head = sealed(struct.pack("=24Q", *words) + small.whole[192:HEADER_SIZE])
    small.put(head + small.whole[HEADER_SIZE:])
    small.check_consistent(small.options)


@settings(max_examples=100)
@given(data=st.data())
def test_an_index_and_a_body_that_lie_with_right_checksums(
    small: Victim, data: st.DataObject
) -> None:
    """Then they are what was published, whatever it says; but no other error comes of it."""
    raw = bytearray(small.whole)
    header = small.header
    regions = [
        (header.slots_at, header.blocks_at),
        (header.entries_at, header.body_at),
        (header.body_at, len(raw)),
    ]
    for start, end in data.draw(st.lists(st.sampled_from(regions), min_size=1, max_size=3)):
        region = data.draw(st.composite(damaged)(bytes(raw[start:end])))[: end - start]
        raw[start : start + len(region)] = region
    for at in range(header.entries_at, header.body_at, 16):
        offset, check = struct.unpack_from("=QQ", raw, at)
        entry = raw[header.body_at :][offset : offset + (check >> 32)]
        struct.pack_into("=Q", raw, at + 8, check >> 32 << 32 | crc32(entry))
    blocks = block_checksums(bytes(raw[header.slots_at : header.blocks_at])).tobytes()
    raw[header.blocks_at : header.blocks_at + len(blocks)] = blocks
    struct.pack_into("=Q", raw, 8 * (2 + FIELDS.index("block_checksum")), crc32(blocks))
    raw[:HEADER_SIZE] = sealed(bytes(raw[:HEADER_SIZE]))
    small.put(bytes(raw))
    config = Config(small.names, Trust())
    readers: list[Callable[[Any], object]] = [
        config.get,
        config.__contains__,
        lambda _: config.get(),
        lambda _: list(config),
        lambda _: config.snapshot().verify(),
    ]
    for name in [*SMALL, *ABSENT]:
        for read in readers:
            try:
                read(name)
            except ConfigError:
                pass


def claim(victim: Victim, size: int, **fields: int) -> None:
    """A segment of *size* bytes, nearly all of them a hole, whose header claims this."""
    words = list(struct.unpack("=24Q", victim.whole[:192]))
    for field, value in {"size": size, **fields}.items():
        words[2 + FIELDS.index(field)] = value
    victim.put(sealed(struct.pack("=24Q", *words) + victim.whole[192:HEADER_SIZE]))
    os.truncate(victim.segment, size)


HUGE = 1 << 40


@pytest.mark.parametrize(
    "fields",
    [
        {"options": HUGE // 32, "body_at": HUGE - 5, "body_size": 5},
        {"body_at": 600, "body_size": HUGE - 600},
        {
            "slots": HUGE // 16,
            "slot_bits": 30,
            "longest_probe": HUGE,
            "blocks_at": HUGE // 2 + HEADER_SIZE,
            "entries_at": HUGE - 1000,
            "body_at": HUGE - 500,
            "body_size": 500,
        },
    ],
    ids=["options", "body", "slots"],
)
def test_huge_counts_with_a_right_checksum_allocate_nothing(
    small: Victim, fields: dict[str, int]
) -> None:
    claim(small, HUGE, **fields)
    config = Config(small.names, Trust())
    before = time.thread_time()
    tracemalloc.start()
    try:
        for read in (lambda: config.get("db"), config.get, lambda: list(config)):
            with pytest.raises(SnapshotCorrupt):
                read()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        os.truncate(small.segment, 0)
    assert peak < 1_000_000
    assert time.thread_time() - before < 1


def test_a_header_cannot_claim_more_than_there_is(small: Victim) -> None:
    for field in ("options", "slots", "body_size", "size"):
        words = list(struct.unpack("=24Q", small.whole[:192]))
        words[2 + FIELDS.index(field)] = 2**40
        head = sealed(struct.pack("=24Q", *words) + small.whole[192:HEADER_SIZE])
        small.put(head + small.whole[HEADER_SIZE:])
        with pytest.raises(SnapshotCorrupt, match="contradicts itself or the segment's size"):
            Config(small.names, Trust()).get("db")


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.binary(),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


status_maps = st.dictionaries(
    st.one_of(st.sampled_from(PageStatus.__slots__), st.text(max_size=9)), anything, max_size=8
)


@settings(max_examples=200)
@given(said=st.one_of(status_maps.map(msgpack.packb), st.binary(max_size=100)))
def test_a_status_that_lies_with_a_right_checksum(small: Victim, said: bytes) -> None:
    rest = struct.pack("=Q", len(said)) + said
    slot = struct.pack("=Q", crc32(rest)) + rest
    page = bytearray(small.whole_page)
    for count in range(2):
        page[status_slot(count) : status_slot(count) + len(slot)] = slot
    small.put_page(bytes(page))
    config = Config(small.names, Trust())
    try:
        assert isinstance(config.status().to_dict(), dict)
        assert config.age is None or config.age >= 0
    except ConfigError:
        pass
    assert config["db"] == small.everything["db"]


def test_a_block_is_what_one_checksum_covers(large: Victim) -> None:
    """Where blocks meet: the last slot of one and the first of the next."""
    for boundary in range(1, large.header.blocks):
        for at in (-8, -1, 0, 7):
            raw = bytearray(large.whole)
            raw[large.header.slots_at + boundary * BLOCK_SIZE + at] ^= 0xFF
            large.put(bytes(raw))
            large.check(LARGE[::20])
