"""G9: any bytes at all in shared memory give the right value or a typed error.

Never another exception, never a wrong value, never "no such option" for one that is there, and
never more time or memory than the segment's own size explains.
"""

from __future__ import annotations

import os
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from zlib import crc32

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddbcfg_client.config import Config
from ddbcfg_client.errors import ConfigError, OptionNotFound, SnapshotCorrupt
from ddbcfg_client.format.index import block_checksums
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import (
    GENERATION_WORD,
    PAGE_SIZE,
    PageStatus,
    new_page,
    pack_status,
    status_slot,
)
from ddbcfg_client.format.segment import BLOCK_SIZE, HEADER_SIZE, SEGMENT_MAGIC, parse_header
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading

SMALL = ["db", "external-port", "größe", "plumless", "secret-key"]
LARGE = [f"option-{number}" for number in range(600)]
ABSENT = ["", "buckeroo", "option-9999", "x" * 300]  # buckeroo has the CRC-32 of plumless
Action = Callable[[Config], tuple[object, object]]


def value_of(name: str) -> dict[str, Any]:
    return {"is": name, "n": Decimal(len(name)), "raw": name.encode()}


def packed(name: str) -> bytes:
    attributes = {"S": name}, {"N": str(len(name))}, {"B": name.encode()}
    return pack_option(name, dict(zip(("is", "n", "raw"), attributes, strict=True)))


class Victim:
    """A published store whose shared memory a test damages, and puts right again."""

    def __init__(self, names: Names, options: list[str]) -> None:
        self.names = names
        self.options = sorted(options)
        self.publisher = Publisher(names)
        self.publisher.publish(Reading({name: packed(name) for name in options}, time.time_ns()))
        self.old = PageStatus(success=5, polls=1, error="an earlier error")
        self.new = PageStatus(success=6, polls=2, failures=3, error="the last error")
        self.publisher.report(self.old)
        self.publisher.report(self.new)
        self.segment = path_of(names.segment(1))
        self.page = path_of(names.page)
        self.whole = self.segment.read_bytes()
        self.whole_page = self.page.read_bytes()
        self.header = parse_header(self.whole[:HEADER_SIZE], len(self.whole))
        config = Config(names, Trust())
        self.digest = config.digest
        self.everything = {name: value_of(name) for name in self.options}

    def put(self, raw: bytes) -> None:
        """Make these the segment's bytes."""
        self.segment.write_bytes(raw)

    def put_page(self, raw: bytes) -> None:
        """Make these the page's bytes; a new object, for who maps a page that shrinks is killed."""
        self.page.unlink(missing_ok=True)
        self.page.write_bytes(raw)
        self.page.chmod(0o640)

    def actions(self, options: list[str]) -> Iterator[Action]:
        """Every way to read, each with what is the right answer."""
        for name in options:
            right = self.everything[name]
            yield lambda config, name=name, right=right: (config[name], right)
            yield lambda config, name=name: (name in config, True)
        for name in ABSENT:
            yield lambda config, name=name: (config.get(name, None), None)
            yield lambda config, name=name: (name in config, False)
        yield lambda config: (config.get(), self.everything)
        yield lambda config: (list(config), self.options)
        yield lambda config: (len(config), len(self.options))
        yield lambda config: (config.generation, 1)
        yield lambda config: (config.digest, self.digest)
        yield lambda config: (config.age is None or config.age > 0, True)
        yield lambda config: (
            # Of a generation that nobody has, status tells that there is none.
            (config.status().generation, config.status().options)
            in ((1, len(self.options)), (0, 0)),
            True,
        )
        yield lambda config: (config.status().polls in (1, 2), True)
        yield lambda config: (config.status().error in (self.old.error, self.new.error), True)
        yield lambda config: (config.snapshot().verify(), None)

    def check(self, options: list[str] | None = None, config: Config | None = None) -> int:
        """Read in every way: each must be right or a ConfigError.  How many were right."""
        if config is None:
            config = Config(self.names, Trust())
        right = 0
        for action in self.actions(self.options if options is None else options):
            try:
                found, expected = action(config)
            except OptionNotFound as error:
                raise AssertionError(f"{error.option} is there") from error
            except ConfigError:
                continue
            assert found == expected
            right += 1
        return right

    def check_consistent(self, options: list[str]) -> None:
        """For headers that lie with a right checksum: what is found must still be right."""
        config = Config(self.names, Trust())
        for name in [*options, *ABSENT]:
            try:
                assert config[name] == self.everything[name]
            except ConfigError:
                pass
        readers: list[Callable[[], object]] = [
            lambda: len(config),
            lambda: config.digest,
            lambda: config.status().to_dict(),
            lambda: config.snapshot().verify(),
        ]
        for read in readers:
            try:
                read()
            except ConfigError:
                pass
        try:
            assert config.get().items() <= self.everything.items()
        except ConfigError:
            pass
        try:
            assert set(config) <= set(self.options)
        except ConfigError:
            pass


@pytest.fixture
def small(names: Names) -> Iterator[Victim]:
    victim = Victim(names, SMALL)
    yield victim
    victim.publisher.close()


@pytest.fixture
def large(namespace: str) -> Iterator[Victim]:
    victim = Victim(Names(namespace, "large"), LARGE)
    yield victim
    victim.publisher.close()


def everything_is_right(victim: Victim) -> int:
    """How many answers there are when nothing is damaged."""
    victim.put(victim.whole)
    return victim.check([])


def test_without_damage_every_answer_is_right(small: Victim, large: Victim) -> None:
    for victim in (small, large):
        assert victim.check() == len(list(victim.actions(victim.options)))
    assert large.header.blocks > 1


# --- damage --------------------------------------------------------------------------------------


def test_every_single_flipped_bit_of_a_segment_is_noticed_or_does_not_matter(
    small: Victim,
) -> None:
    flips = 0
    with small.segment.open("r+b", buffering=0) as segment:
        for at, byte in enumerate(small.whole):
            for bit in range(8):
                os.pwrite(segment.fileno(), bytes([byte ^ 1 << bit]), at)
                small.check(["db", "plumless"])
                flips += 1
            os.pwrite(segment.fileno(), bytes([byte]), at)
    assert flips == 8 * len(small.whole)
    assert small.check() == len(list(small.actions(small.options)))


def test_every_single_flipped_bit_of_a_page_is_noticed_or_does_not_matter(small: Victim) -> None:
    used = len(pack_status(small.new))
    places = [
        *range(64),
        *range(status_slot(0), status_slot(0) + used),
        *range(status_slot(1), status_slot(1) + used),
    ]
    with small.page.open("r+b", buffering=0) as page:
        for at in places:
            byte = small.whole_page[at]
            for bit in range(8):
                os.pwrite(page.fileno(), bytes([byte ^ 1 << bit]), at)
                small.check(["db"])
            os.pwrite(page.fileno(), bytes([byte]), at)
    assert small.check() == len(list(small.actions(small.options)))


def damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    """*raw* after some overwriting, copying about, cutting and appending."""
    result = bytearray(raw)
    for _ in range(draw(st.integers(1, 4))):
        size = len(result)
        at = draw(st.integers(0, size))
        match draw(st.sampled_from(["overwrite", "word", "copy", "zero", "cut", "append"])):
            case "overwrite":
                new = draw(st.binary(min_size=1, max_size=40))[: size - at]
                result[at : at + len(new)] = new
            case "word":
                at = at // 8 * 8
                new = draw(st.sampled_from(WORDS)).to_bytes(8, sys.byteorder)[: size - at]
                result[at : at + len(new)] = new
            case "copy":
                # Of whole words: it makes entries and slots that are right, in the wrong place.
                source, at = (draw(st.integers(0, size // 8)) * 8 for _ in range(2))
                length = draw(st.sampled_from([8, 16, 32, 64, 256, 4096]))
                new = result[source : source + length][: max(size - at, 0)]
                result[at : at + len(new)] = new
            case "zero":
                length = min(draw(st.integers(1, 300)), size - at)
                result[at : at + length] = bytes(length)
            case "cut":
                del result[at:]
            case "append":
                result += draw(st.binary(min_size=1, max_size=40))
    return bytes(result)


WORDS = [0, 1, 2, 5, 8, 255, 4096, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1]


@settings(max_examples=200)
@given(data=st.data())
def test_a_damaged_segment_gives_right_values_or_typed_errors(
    small: Victim, data: st.DataObject
) -> None:
    small.put(data.draw(st.composite(damaged)(small.whole)))
    small.check()


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_index_of_many_blocks_hides_no_option(large: Victim, data: st.DataObject) -> None:
    """Only the index, so that the header never tells."""
    index = large.whole[HEADER_SIZE : large.header.body_at]
    raw = data.draw(st.composite(damaged)(index))[: len(index)]
    large.put(
        large.whole[:HEADER_SIZE]
        + raw
        + large.whole[HEADER_SIZE + len(raw) : large.header.body_at]
        + large.whole[large.header.body_at :]
    )
    large.check(data.draw(st.lists(st.sampled_from(LARGE), max_size=10)) + LARGE[::100])


def test_entries_that_changed_places_hide_no_option(small: Victim) -> None:
    """Each entry of the table is right by itself then: its checksum does not tell."""
    at, count = small.header.entries_at, small.header.options
    table = [small.whole[at + 16 * number : at + 16 * (number + 1)] for number in range(count)]
    for one in range(count):
        for other in range(count):
            changed = list(table)
            changed[one] = table[other]
            small.put(small.whole[:at] + b"".join(changed) + small.whole[at + 16 * count :])
            small.check()
    small.put(small.whole[:at] + b"".join(reversed(table)) + small.whole[at + 16 * count :])
    assert small.check() < len(list(small.actions(small.options)))


@settings(max_examples=100)
@given(data=st.data())
def test_damage_under_a_reader_gives_right_values_or_typed_errors(
    small: Victim, data: st.DataObject
) -> None:
    """Segments are not mapped: cut short under a reader, they give an error and no SIGBUS."""
    small.put(small.whole)
    config = Config(small.names, Trust())
    for name in data.draw(st.lists(st.sampled_from(SMALL), max_size=3)):
        assert config[name] == small.everything[name]
    small.put(data.draw(st.composite(damaged)(small.whole)))
    small.check(config=config)
    small.put(small.whole)
    assert small.check(config=config) == len(list(small.actions(small.options)))


@settings(max_examples=100)
@given(data=st.data())
def test_a_damaged_page_gives_right_values_or_typed_errors(
    small: Victim, data: st.DataObject
) -> None:
    interesting = small.whole_page[: status_slot(0) + 200]
    raw = data.draw(st.composite(damaged)(interesting))
    small.put_page((raw + small.whole_page[len(raw) :])[: data.draw(st.integers(4090, PAGE_SIZE))])
    small.check(["db"])


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
