"""The snapshot segment: header, index and msgpack body of one generation.

==============  ===================================================================
offset          what
==============  ===================================================================
0               header, 256 bytes
``slots_at``    slot table: an open-addressing hash table on the option's name
``blocks_at``   block table: a CRC-32 for each 4 KiB of the slot table
``entries_at``  entry table: where each option is in the body, with its CRC-32
``body_at``     body: the msgpack map ``{option: {key: value}}`` in canonical order
==============  ===================================================================
"""

from __future__ import annotations

import struct
from zlib import crc32

from ddbcfg_client.layout import LAYOUT_VERSION, SOURCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable

SEGMENT_MAGIC = int.from_bytes(b"DDBCFGS\x01", "little")
HEADER_SIZE = 256
_HEADER = struct.Struct("=16Q32s")
_HEADER_CHECKSUM = struct.Struct("=Q")
_HEADER_CHECKSUM_AT = HEADER_SIZE - _HEADER_CHECKSUM.size

SLOT_SIZE = 8
ENTRY_SIZE = 16
BLOCK_SIZE = 4096  # of the slot table, for each checksum in the block table


class Header:
    """A snapshot segment's header: where everything is, and what describes the content.

    ``digest`` is the SHA-256 of the body, ``read_at`` nanoseconds of the wall clock when DynamoDB
    was read, offsets count bytes from the segment's start.
    """

    __slots__ = (
        "block_checksum",
        "blocks_at",
        "body_at",
        "body_size",
        "digest",
        "entries_at",
        "generation",
        "longest_probe",
        "options",
        "read_at",
        "size",
        "slot_bits",
        "slots",
        "slots_at",
        "source",
    )

    def __init__(
        self,
        generation: int,
        size: int,
        options: int,
        slot_bits: int,
        slots: int,
        longest_probe: int,
        slots_at: int,
        blocks_at: int,
        block_checksum: int,
        entries_at: int,
        body_at: int,
        body_size: int,
        read_at: int,
        source: int,
        digest: bytes,
    ) -> None:
        self.generation = generation
        self.size = size
        self.options = options
        self.slot_bits = slot_bits
        self.slots = slots
        self.longest_probe = longest_probe
        self.slots_at = slots_at
        self.blocks_at = blocks_at
        self.block_checksum = block_checksum
        self.entries_at = entries_at
        self.body_at = body_at
        self.body_size = body_size
        self.read_at = read_at
        self.source = source
        self.digest = digest

    @property
    def blocks(self) -> int:
        """How many blocks, each with a checksum, the slot table has."""
        return -(-self.slots * SLOT_SIZE // BLOCK_SIZE)

    def pack(self) -> bytes:
        """The header's 256 bytes."""
        fields = _HEADER.pack(
            SEGMENT_MAGIC,
            LAYOUT_VERSION,
            self.generation,
            self.size,
            self.options,
            self.slot_bits,
            self.slots,
            self.longest_probe,
            self.slots_at,
            self.blocks_at,
            self.block_checksum,
            self.entries_at,
            self.body_at,
            self.body_size,
            self.read_at,
            self.source,
            self.digest,
        ).ljust(_HEADER_CHECKSUM_AT, b"\0")
        return fields + _HEADER_CHECKSUM.pack(crc32(fields))


def parse_header(head: bytes, size: int) -> Header:
    """The header in *head* of a segment of *size* bytes; ValueError when it does not check out.

    The layout version is checked before, with :func:`layout_of`.  After this every offset lies
    within the segment, so no read that follows the header can leave it.
    """
    if len(head) != HEADER_SIZE:
        raise ValueError("the header is cut short")
    (checksum,) = _HEADER_CHECKSUM.unpack_from(head, _HEADER_CHECKSUM_AT)
    if crc32(head[:_HEADER_CHECKSUM_AT]) != checksum:
        raise ValueError("the header does not match its checksum")
    header = Header(*_HEADER.unpack_from(head)[2:])
    end_of_entries = header.entries_at + header.options * ENTRY_SIZE
    if not (
        header.size == size
        and header.source < len(SOURCES)
        and header.slot_bits <= 32
        and header.slots >= 1 << header.slot_bits
        and header.slots_at == HEADER_SIZE
        and header.slots_at + header.slots * SLOT_SIZE <= header.blocks_at
        and header.blocks_at + header.blocks * 4 <= header.entries_at
        and end_of_entries <= header.body_at
        and header.body_at + header.body_size == size
    ):
        raise ValueError("the header contradicts itself or the segment's size")
    return header


# --- the index: an open-addressing hash table on the option's name -------------------------------
#
# A slot is one word: CRC-32 of the name << 32 | ordinal + 1, 0 when empty.  An ordinal counts the
# body's entries in canonical order.  An entry of the entry table is two words: the offset in the
# body, and CRC-32 of the entry's bytes | their length << 32.  An entry's bytes are the msgpack
# option name followed by the msgpack map of its keys, so the body is itself one msgpack map.
#
# "Found" proves itself: the entry's checksum and the name in it must match.  "Not found" rests on
# the slots that were probed, so these have checksums, one for each block of 4 KiB: a damaged slot
# must not make an option disappear.


def home_slot(name_hash: int, slot_bits: int) -> int:
    """The slot where probing for a name begins.

    Fibonacci hashing: CRC-32 alone spreads names that differ in a digit over few of its top bits.
    """
    return ((name_hash * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - slot_bits)


def build_slots(names: Iterable[bytes], count: int) -> tuple[array[int], int, int]:
    """The slot table for *names* (UTF-8, in canonical order): the table, its bits, longest probe.

    At least half of the table is empty.  It does not wrap around: probes that run over the end go
    on in a tail, and the last slot is empty.
    """
    from array import array  # here and below: readers build nothing

    bits = max(3, (2 * count - 1).bit_length()) if count else 3
    slots = array("Q", bytes(SLOT_SIZE << bits))
    size = len(slots)
    longest = 1
    for ordinal, name in enumerate(names, 1):
        name_hash = crc32(name)
        home = at = home_slot(name_hash, bits)
        while at < size and slots[at]:
            at += 1
        if at == size:
            slots.append(0)
            size += 1
        slots[at] = name_hash << 32 | ordinal
        if at - home >= longest:
            longest = at - home + 1
    slots.append(0)
    return slots, bits, longest


def block_checksums(slots: bytes) -> array[int]:
    """CRC-32 of each block of the slot table's bytes."""
    from array import array

    view = memoryview(slots)
    return array(
        "I", [crc32(view[at : at + BLOCK_SIZE]) for at in range(0, len(slots), BLOCK_SIZE)]
    )


def entry_check(length: int, checksum: int) -> int:
    """The second word of an entry in the entry table: its bytes' number, and their CRC-32."""
    return length << 32 | checksum


def build_entries(lengths: array[int], checks: array[int], first: int) -> array[int]:
    """The entry table: offsets from *first* on, each with what :func:`entry_check` gave."""
    from array import array
    from itertools import accumulate

    entries = array("Q", bytes(ENTRY_SIZE * len(lengths)))
    offsets = accumulate(lengths, initial=first)
    entries[0::2] = array("Q", offsets)[: len(lengths)]
    entries[1::2] = checks
    return entries


def padding(size: int) -> bytes:
    """The zeros that bring *size* up to a multiple of 8."""
    return bytes(-size % 8)
