"""The snapshot segment: header, index and msgpack body of one generation.

===============  ===================================================================
where            what
===============  ===================================================================
0                header: ``header_size`` bytes, 512 in this release
``about_at``     msgpack map that describes the content: source, revision, epoch
``slots_at``     slot table: an open-addressing hash table on the option's name
``blocks_at``    block table: a CRC-32 for each 4 KiB of the slot table
``entries_at``   entry table: where each option is in the body, with its CRC-32
``changes_at``   msgpack map of the names that changed in the last generations
``body_at``      body: the msgpack map ``{option: {key: value}}`` in canonical order
===============  ===================================================================

A reader goes by the offsets, not by this order, and skips what it does not know: words of the
header, keys of the two small maps, sections that no offset it knows leads to.
"""

from __future__ import annotations

import struct
import sys
from zlib import crc32

from ddbcfg_client.format import LAYOUT_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable

SEGMENT_MAGIC = int.from_bytes(b"DDBCFGS\x01", "little")
HEADER_SIZE = 512  # of layout 2 as it began; a later release may write a longer one, none a shorter
HEADER_LARGEST = 1 << 16
_HEADER = struct.Struct("=22Qqq32s")
_CHECKSUM = struct.Struct("=Q")  # the header's last word

SLOT_SIZE = 8
ENTRY_SIZE = 16
BLOCK_SIZE = 4096  # of the slot table, for each checksum in the block table


class Header:
    """A snapshot segment's header: where everything is, and what describes the content.

    Offsets count bytes from the segment's start.  ``read_at`` is when DynamoDB was read, in
    nanoseconds since 1970, ``read_boottime`` the same on the host's CLOCK_BOOTTIME.  ``digest`` is
    the sum, modulo 2**256, of the SHA-256 of each entry (see :func:`entry_digest`), big-endian.
    """

    __slots__ = (
        "about_at",
        "about_checksum",
        "about_size",
        "block_checksum",
        "blocks_at",
        "body_at",
        "body_checksum",
        "body_size",
        "changes_at",
        "changes_checksum",
        "changes_size",
        "digest",
        "entries_at",
        "generation",
        "header_size",
        "longest_probe",
        "options",
        "read_at",
        "read_boottime",
        "size",
        "slot_bits",
        "slots",
        "slots_at",
    )

    def __init__(
        self,
        generation: int,
        header_size: int,
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
        body_checksum: int,
        about_at: int,
        about_size: int,
        about_checksum: int,
        changes_at: int,
        changes_size: int,
        changes_checksum: int,
        read_at: int,
        read_boottime: int,
        digest: bytes,
    ) -> None:
        self.generation = generation
        self.header_size = header_size
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
        self.body_checksum = body_checksum
        self.about_at = about_at
        self.about_size = about_size
        self.about_checksum = about_checksum
        self.changes_at = changes_at
        self.changes_size = changes_size
        self.changes_checksum = changes_checksum
        self.read_at = read_at
        self.read_boottime = read_boottime
        self.digest = digest

    @property
    def blocks(self) -> int:
        """How many blocks, each with a checksum, the slot table has."""
        return -(-self.slots * SLOT_SIZE // BLOCK_SIZE)

    def pack(self) -> bytes:
        """Return the header's 512 bytes."""
        fields = _HEADER.pack(
            SEGMENT_MAGIC,
            LAYOUT_VERSION,
            self.generation,
            self.header_size,
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
            self.body_checksum,
            self.about_at,
            self.about_size,
            self.about_checksum,
            self.changes_at,
            self.changes_size,
            self.changes_checksum,
            self.read_at,
            self.read_boottime,
            self.digest,
        ).ljust(HEADER_SIZE - _CHECKSUM.size, b"\0")
        return fields + _CHECKSUM.pack(crc32(fields))


def header_size_of(head: bytes) -> int:
    """Return how long the header says it is; ValueError when that cannot be.

    *head* is the first HEADER_SIZE bytes of a segment whose layout version was checked before.
    """
    if len(head) < HEADER_SIZE:
        raise ValueError("the header is cut short")
    size = int.from_bytes(head[24:32], sys.byteorder)
    if not HEADER_SIZE <= size <= HEADER_LARGEST or size % 8:
        raise ValueError("the header contradicts itself")
    return size


def parse_header(head: bytes, size: int) -> Header:
    """Return the header in *head* of a segment of *size* bytes; raise ValueError if it is damaged.

    *head* is as long as :func:`header_size_of` says.  After this every section lies within the
    segment, so no read that follows the header can leave it.
    """
    if len(head) != header_size_of(head):
        raise ValueError("the header is cut short")
    checked = len(head) - _CHECKSUM.size
    if _CHECKSUM.unpack_from(head, checked) != (crc32(head[:checked]),):
        raise ValueError("the header does not match its checksum")
    header = Header(*_HEADER.unpack_from(head)[2:])
    sections = (
        (header.about_at, header.about_size),
        (header.slots_at, header.slots * SLOT_SIZE),
        (header.blocks_at, header.blocks * 4),
        (header.entries_at, header.options * ENTRY_SIZE),
        (header.changes_at, header.changes_size),
        (header.body_at, header.body_size),
    )
    if not (
        header.size == size
        and header.slot_bits <= 32
        and header.slots >= 1 << header.slot_bits
        and all(at >= len(head) and at + length <= size for at, length in sections)
    ):
        raise ValueError("the header contradicts itself or the segment's size")
    return header


def entry_digest(*parts: bytes) -> int:
    """Return what an option, its packed name and keys, adds to the digest.

    A sum can be kept up to date from the options that changed, and does not depend on their order.
    """
    from hashlib import sha256  # here: it costs a process that only reads some milliseconds

    made = sha256()
    for part in parts:
        made.update(part)
    return int.from_bytes(made.digest(), "big")


def digest_bytes(total: int) -> bytes:
    """Return the digest for the sum *total* of the entries' digests, which may be negative."""
    return (total % (1 << 256)).to_bytes(32, "big")


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
