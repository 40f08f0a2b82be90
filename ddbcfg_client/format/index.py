"""The index of a segment: an open-addressing hash table on the option's name.

A slot is one word: CRC-32 of the name << 32 | ordinal + 1, 0 when empty.  An ordinal counts the
body's entries in canonical order.  An entry of the entry table is two words: the offset in the
body, and CRC-32 of the entry's bytes | their length << 32.  An entry's bytes are the msgpack
option name followed by the msgpack map of its keys, so the body is itself one msgpack map.

If an entry is found, its checksum and the name in it must match.  If none is found, the probed
slots are verified with the checksums of their 4 KiB blocks, so that a damaged slot cannot make an
option disappear.  The verified bytes are the probed ones: on a processor that reorders loads, a
second read could see other bytes.

The functions that read raise ValueError for damage, and the errors of the segment's ``read``.
"""

from __future__ import annotations

from zlib import crc32

from ddbcfg_client.format.segment import BLOCK_SIZE, ENTRY_SIZE, SLOT_SIZE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator

    from ddbcfg_client.format.segment import SegmentBytes

_WINDOW = 64  # slots read at once; nearly every probe ends in the first window


def home_slot(name_hash: int, slot_bits: int) -> int:
    """Return the slot at which probing for a name begins.

    This is Fibonacci hashing: the top bits of CRC-32 alone hardly differ between similar names.
    """
    return ((name_hash * 0x9E3779B1) & 0xFFFFFFFF) >> (32 - slot_bits)


def build_slots(names: Iterable[bytes], count: int) -> tuple[array[int], int, int]:
    """Return the slot table for ``names`` (UTF-8, in canonical order), its bits and longest probe.

    At least half of the table is empty.  It does not wrap around: probes that reach the end
    continue in a tail, and the last slot is empty.
    """
    from array import array  # here and below: readers do not need it

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
    """Return the CRC-32 of each block of the slot table's bytes."""
    from array import array

    view = memoryview(slots)
    return array(
        "I", [crc32(view[at : at + BLOCK_SIZE]) for at in range(0, len(slots), BLOCK_SIZE)]
    )


def entry_check(length: int, checksum: int) -> int:
    """Return the second word of an entry in the entry table: the entry's length and CRC-32."""
    return length << 32 | checksum


def place_entries(offsets: array[int], checks: array[int], first: int) -> None:
    """Set the offsets of the entries after ordinal ``first`` from the lengths in ``checks``."""
    from array import array
    from itertools import accumulate

    lengths = [check >> 32 for check in checks[first:-1]]
    offsets[first:] = array("Q", accumulate(lengths, initial=offsets[first]))


def build_entries(offsets: array[int], checks: array[int]) -> array[int]:
    """Return the entry table: the offset of each entry, and its ``entry_check``."""
    from array import array

    entries = array("Q", bytes(ENTRY_SIZE * len(checks)))
    entries[0::2] = offsets
    entries[1::2] = checks
    return entries


# --- reading -------------------------------------------------------------------------------------


def find(segment: SegmentBytes, option: str) -> bytes | None:
    """Return the packed keys of ``option``; None if it is not in the index."""
    found = segment.found(option)
    if found is not None:
        return found
    try:
        name = option.encode()
    except UnicodeEncodeError:
        return None
    header, read = segment.header, segment.read
    wanted = crc32(name)
    home = home_slot(wanted, header.slot_bits)
    stop = min(home + header.longest_probe, header.slots)
    at = home
    probed = b""
    while at < stop:
        count = min(_WINDOW, stop - at)
        window = read(header.slots_at + at * SLOT_SIZE, count * SLOT_SIZE)
        probed += window
        for slot in memoryview(window).cast("Q"):
            at += 1
            if slot == 0:
                stop = at
                break
            if slot >> 32 == wanted:
                raw = _entry(segment, slot, _packed(name))
                if raw is not None:
                    return raw
    if not _verified_slots(segment, home, stop).startswith(probed[: (stop - home) * SLOT_SIZE]):
        raise ValueError("its index changed while it was read")
    return None


def _packed(name: bytes) -> bytes:
    """Return the msgpack string of a name in UTF-8."""
    size = len(name)
    if size < 32:
        return bytes((0xA0 | size,)) + name
    if size < 1 << 8:
        return bytes((0xD9, size)) + name
    width = 2 if size < 1 << 16 else 4
    return (b"\xda" if width == 2 else b"\xdb") + size.to_bytes(width, "big") + name


def _entry(segment: SegmentBytes, slot: int, name: bytes) -> bytes | None:
    """Return the packed keys of the entry of ``slot``; None if it does not start with ``name``."""
    header = segment.header
    ordinal = (slot & 0xFFFFFFFF) - 1
    if not 0 <= ordinal < header.options:
        raise ValueError("its index points past the options")
    at = header.entries_at + ordinal * ENTRY_SIZE
    offset, check = memoryview(segment.read(at, ENTRY_SIZE)).cast("Q")
    length, checksum = check >> 32, check & 0xFFFFFFFF
    if offset + length > header.body_size:
        raise ValueError("its index points past the body")
    entry = segment.read(header.body_at + offset, length)
    if crc32(entry) != checksum:
        raise ValueError("an option does not match its checksum")
    if entry.startswith(name):
        return entry[len(name) :]
    # Either another name with the same CRC-32, or the slot is damaged.
    if crc32(split_entry(entry)[0].encode()) != slot >> 32:
        raise ValueError("its index leads to another option")
    return None


def check_slots(segment: SegmentBytes, first: int, stop: int) -> None:
    """Raise ValueError unless the slots from ``first`` to ``stop`` match their checksums."""
    _verified_slots(segment, first, stop)


def _verified_slots(segment: SegmentBytes, first: int, stop: int) -> bytes:
    """Return the bytes of the slots from ``first``, at least to ``stop``; raise ValueError."""
    header, read = segment.header, segment.read
    table = read(header.blocks_at, header.blocks * 4)
    if crc32(table) != header.block_checksum:
        raise ValueError("its block table does not match its checksum")
    checksums = memoryview(table).cast("I")
    end = header.slots_at + header.slots * SLOT_SIZE
    first_block = first * SLOT_SIZE // BLOCK_SIZE
    last_block = (max(stop, first + 1) - 1) * SLOT_SIZE // BLOCK_SIZE
    verified = b""
    for block in range(first_block, min(last_block + 1, header.blocks)):
        at = header.slots_at + block * BLOCK_SIZE
        verified += (slots := read(at, min(BLOCK_SIZE, end - at)))
        if crc32(slots) != checksums[block]:
            raise ValueError("its index does not match its checksum")
    return verified[first * SLOT_SIZE - first_block * BLOCK_SIZE :]


def entries(segment: SegmentBytes) -> Iterator[tuple[str, bytes]]:
    """Verify every entry; yield the name and packed keys of each option in canonical order."""
    header, read = segment.header, segment.read
    table = memoryview(read(header.entries_at, header.options * ENTRY_SIZE)).cast("Q")
    body = read(header.body_at, header.body_size)
    expected = None
    for at in range(0, len(table), 2):
        offset, check = table[at], table[at + 1]
        entry = body[offset : offset + (check >> 32)]
        # Entries are adjacent, so none can be missing or appear twice.
        if crc32(entry) != check & 0xFFFFFFFF or expected not in (None, offset):
            raise ValueError("an option does not match its checksum")
        expected = offset + len(entry)
        option, start = split_entry(entry)
        yield option, entry[start:]


def split_entry(raw: bytes) -> tuple[str, int]:
    """Return the name in an entry and the offset of its keys; raise ValueError if damaged."""
    first = raw[0] if raw else 0
    if 0xA0 <= first <= 0xBF:
        start, length = 1, first & 0x1F
    elif 0xD9 <= first <= 0xDB:
        width = 1 << (first - 0xD9)
        start, length = 1 + width, int.from_bytes(raw[1 : 1 + width], "big")
    else:
        raise ValueError("an entry without a name")
    if start + length > len(raw):
        raise ValueError("an entry whose name is cut short")
    return raw[start : start + length].decode(), start + length
