"""The bytes of a snapshot segment, built from packed options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from zlib import crc32

from msgpack import Packer

from ddbcfg_client.codec import pack_name
from ddbcfg_client.layout import SOURCES
from ddbcfg_client.layout.segment import (
    HEADER_SIZE,
    SLOT_SIZE,
    Header,
    block_checksums,
    build_entries,
    build_slots,
    padding,
)


@dataclass(frozen=True, slots=True)
class Image:
    """A whole segment: the header, and the parts that follow it."""

    header: Header
    parts: list[bytes]


def body_of(options: Mapping[str, bytes]) -> tuple[bytes, list[bytes]]:
    """The msgpack map's head and its entries, for option names and their packed keys.

    Sorted by name: Python orders str by code point, which is the order of the UTF-8 bytes.
    """
    head = bytes(Packer().pack_map_header(len(options)))
    return head, [pack_name(option) + options[option] for option in sorted(options)]


def build_image(
    generation: int, options: Mapping[str, bytes], *, read_at: int, source: str
) -> Image:
    """The segment of *generation* for *options*: name to packed keys.

    *read_at* is when they were read, in nanoseconds since 1970; *source* one of SOURCES.
    """
    head, entries = body_of(options)
    body = b"".join((head, *entries))
    slots, bits, longest = build_slots((name.encode() for name in sorted(options)), len(options))
    slot_bytes = slots.tobytes()
    blocks = block_checksums(slot_bytes).tobytes()
    entry_bytes = build_entries(
        [len(entry) for entry in entries], [crc32(entry) for entry in entries], len(head)
    ).tobytes()
    blocks_at = HEADER_SIZE + len(slots) * SLOT_SIZE
    entries_at = blocks_at + len(blocks) + len(padding(len(blocks)))
    body_at = entries_at + len(entry_bytes)
    header = Header(
        generation=generation,
        size=body_at + len(body),
        options=len(options),
        slot_bits=bits,
        slots=len(slots),
        longest_probe=longest,
        slots_at=HEADER_SIZE,
        blocks_at=blocks_at,
        block_checksum=crc32(blocks),
        entries_at=entries_at,
        body_at=body_at,
        body_size=len(body),
        read_at=read_at,
        source=SOURCES.index(source),
        digest=sha256(body).digest(),
    )
    return Image(header, [slot_bytes, blocks, padding(len(blocks)), entry_bytes, body])
