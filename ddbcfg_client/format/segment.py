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

A reader uses the offsets, not this order.  It skips unknown words of the header, unknown keys of
the two small maps, and sections at offsets that it does not know.
"""

from __future__ import annotations

from zlib import crc32

from ddbcfg_client.format import LAYOUT_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class SegmentBytes(Protocol):
        """A readable segment: an open one, or an image in memory."""

        name: str
        header: Header

        def found(self, option: str) -> bytes | None:
            """Return the packed keys of ``option`` if a short way finds them, else None."""

        def read(self, offset: int, size: int) -> bytes:
            """Return ``size`` bytes at ``offset``; raise SnapshotError if there are fewer."""

        def is_open(self) -> bool:
            """Return whether it can still be read: the program may have closed its descriptor."""


SEGMENT_MAGIC = int.from_bytes(b"DDBCFGS\x01", "little")
HEADER_SIZE = 512  # the minimum; a later release may write a longer header
HEADER_LARGEST = 1 << 16
_FIELDS = 22  # words without a sign; the magic and the layout version are the first two
_DIGEST_AT = 192  # after two words with a sign; 32 bytes
_CHECKSUM_SIZE = 8  # the header's last word

SLOT_SIZE = 8
ENTRY_SIZE = 16
BLOCK_SIZE = 4096  # bytes of the slot table for each checksum in the block table


class Header:
    """A snapshot segment's header: the sections' offsets, and a description of the content.

    Offsets are in bytes from the segment's start.  ``read_at`` is the time of the read from
    DynamoDB in nanoseconds since 1970, ``read_boottime`` the same on the host's CLOCK_BOOTTIME.
    ``digest`` is the sum, modulo 2**256, of the SHA-256 of each entry (see ``digest``),
    big-endian.
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
        """The number of blocks of the slot table; each has a checksum."""
        return -(-self.slots * SLOT_SIZE // BLOCK_SIZE)

    def pack(self) -> bytes:
        """Return the header's 512 bytes."""
        import struct  # readers do not need it

        fields = struct.pack(
            "=22Qqq32s",
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
        ).ljust(HEADER_SIZE - _CHECKSUM_SIZE, b"\0")
        return fields + struct.pack("=Q", crc32(fields))


def header_size_of(head: bytes) -> int:
    """Return the size that the header contains; raise ValueError if that is impossible.

    ``head`` is the first HEADER_SIZE bytes of a segment.  Its layout version was checked before.
    """
    if len(head) < HEADER_SIZE:
        raise ValueError("the header is cut short")
    size = memoryview(head)[:HEADER_SIZE].cast("Q")[3]
    if not HEADER_SIZE <= size <= HEADER_LARGEST or size % 8:
        raise ValueError("the header contradicts itself")
    return size


def parse_header(head: bytes, size: int) -> Header:
    """Return the header of a segment of ``size`` bytes; raise ValueError if it is damaged.

    ``head`` is as long as ``header_size_of`` says.  Every section of a parsed header is within
    the segment, so a read that follows the header cannot leave it.
    """
    length = len(head)
    if length != header_size_of(head):
        raise ValueError("the header is cut short")
    words = memoryview(head).cast("Q")
    if words[-1] != crc32(head[:-_CHECKSUM_SIZE]):
        raise ValueError("the header does not match its checksum")
    read_at, read_boottime = words[_FIELDS : _FIELDS + 2].cast("B").cast("q")
    digest = head[_DIGEST_AT : _DIGEST_AT + 32]
    fields: list[Any] = [*words[2:_FIELDS], read_at, read_boottime, digest]
    header = Header(*fields)
    slots, about_at, slots_at = header.slots, header.about_at, header.slots_at
    blocks_at, entries_at = header.blocks_at, header.entries_at
    changes_at, body_at = header.changes_at, header.body_at
    # One expression: a call for each section would take most of the time of a header.
    if not (
        header.size == size
        and header.slot_bits <= 32
        and slots >= 1 << header.slot_bits
        and length <= about_at <= size - header.about_size
        and length <= slots_at <= size - slots * SLOT_SIZE
        and length <= blocks_at <= size - header.blocks * 4
        and length <= entries_at <= size - header.options * ENTRY_SIZE
        and length <= changes_at <= size - header.changes_size
        and length <= body_at <= size - header.body_size
    ):
        raise ValueError("the header contradicts itself or the segment's size")
    return header


def section(segment: SegmentBytes, at: int, size: int, checksum: int) -> bytes:
    """Return the bytes of one of the small sections; raise ValueError if they are damaged."""
    found = segment.read(at, size)
    if crc32(found) != checksum:
        raise ValueError("a section does not match its checksum")
    return found


def padding(size: int) -> bytes:
    """Return the zeros that pad ``size`` to a multiple of 8."""
    return bytes(-size % 8)
