"""The bytes of a snapshot segment, built from packed options and what is left of the last one."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import compress, count
from operator import is_not
from zlib import crc32

from msgpack import Packer

from ddbcfg_client.layout import SOURCES
from ddbcfg_client.layout.segment import (
    HEADER_SIZE,
    Header,
    block_checksums,
    build_entries,
    build_slots,
    entry_check,
    padding,
)


@dataclass(frozen=True, slots=True)
class Image:
    """A whole segment: the header, and the parts that follow it."""

    header: Header
    parts: list[bytes]


def body_of(options: Mapping[str, bytes]) -> list[bytes]:
    """The msgpack map of option names and packed keys in pieces: its head, then name, keys, name...

    Sorted by name: Python orders str by code point, which is the order of the UTF-8 bytes.
    """
    packer = Packer()  # one for all: making one costs more than packing a name
    pieces = [bytes(packer.pack_map_header(len(options)))]
    for option in sorted(options):
        pieces += (bytes(packer.pack(option)), options[option])
    return pieces


class ImageBuilder:
    """Builds the segments of a store, one after another.

    What depends on the names only, and what describes an option that is the same object as in the
    last segment, is taken from there.  The bytes are those that a new builder would make.
    """

    def __init__(self) -> None:
        self._last = _Content.without_keys([])

    def build(
        self, generation: int, options: Mapping[str, bytes], *, read_at: int, source: str
    ) -> Image:
        """The segment of *generation* for *options*: name to packed keys.

        *read_at* is when they were read, in nanoseconds since 1970; *source* one of SOURCES.
        """
        content = self._last = self._last.follow(options)
        pieces, slots = content.pieces, content.slots
        entries = build_entries(content.lengths, content.checks, len(pieces[0])).tobytes()
        body = b"".join(pieces)
        filling = padding(len(slots.blocks))
        blocks_at = HEADER_SIZE + len(slots.table)
        entries_at = blocks_at + len(slots.blocks) + len(filling)
        body_at = entries_at + len(entries)
        header = Header(
            generation=generation,
            size=body_at + len(body),
            options=len(options),
            slot_bits=slots.bits,
            slots=slots.count,
            longest_probe=slots.longest,
            slots_at=HEADER_SIZE,
            blocks_at=blocks_at,
            block_checksum=crc32(slots.blocks),
            entries_at=entries_at,
            body_at=body_at,
            body_size=len(body),
            read_at=read_at,
            source=SOURCES.index(source),
            digest=sha256(body).digest(),
        )
        return Image(header, [slots.table, slots.blocks, filling, entries, body])


@dataclass(frozen=True, slots=True)
class _Slots:
    """The part of the index that depends on the names only: slot table and block table."""

    table: bytes
    blocks: bytes
    count: int
    bits: int
    longest: int

    @classmethod
    def of(cls, names: list[str]) -> _Slots:
        slots, bits, longest = build_slots((name.encode() for name in names), len(names))
        table = slots.tobytes()
        return cls(table, block_checksums(table).tobytes(), len(slots), bits, longest)


@dataclass(frozen=True, slots=True)
class _Content:
    """Options as a segment has them.  Never changed, so a build that fails spoils nothing.

    ``names`` are in order, ``pieces`` those of :func:`body_of`; ``lengths`` and ``checks`` are
    the entries'.
    """

    names: list[str]
    slots: _Slots
    pieces: list[bytes]
    lengths: array[int]
    checks: array[int]

    @classmethod
    def without_keys(cls, names: list[str]) -> _Content:
        """The options of these names, in order, before anything else is known of them."""
        pieces = body_of(dict.fromkeys(names, b""))
        zeros = array("Q", bytes(8 * len(names)))
        return cls(names, _Slots.of(names), pieces, zeros, zeros)

    def follow(self, options: Mapping[str, bytes]) -> _Content:
        """The content for *options*, made of this one's where it is the same."""
        if list(options) != self.names:
            options = {name: options[name] for name in sorted(options)}
        names, packed = list(options), list(options.values())
        base = self if names == self.names else _Content.without_keys(names)
        pieces, lengths, checks = base.pieces.copy(), base.lengths[:], base.checks[:]
        for ordinal in compress(count(), map(is_not, packed, base.pieces[2::2])):
            at = 2 * ordinal + 1
            name, keys = pieces[at], packed[ordinal]
            pieces[at + 1] = keys
            lengths[ordinal] = length = len(name) + len(keys)
            checks[ordinal] = entry_check(length, crc32(keys, crc32(name)))
        return _Content(base.names, base.slots, pieces, lengths, checks)
