"""Building the bytes of a snapshot segment, reusing what did not change since the last one."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from zlib import crc32

from ddbcfg_client.format.body import PART, body_of, joined
from ddbcfg_client.format.combining import combined
from ddbcfg_client.format.differences import Differences
from ddbcfg_client.format.digest import digest_bytes, entry_digest
from ddbcfg_client.format.index import (
    block_checksums,
    build_entries,
    build_slots,
    entry_check,
    place_entries,
)
from ddbcfg_client.format.segment import HEADER_SIZE, Header, padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ddbcfg_client.format.about import About
    from ddbcfg_client.format.changes import ChangeLog


_BLOCK = 512  # items that are compared at once


@dataclass(frozen=True, slots=True)
class Image:
    """A whole segment: the header, and the bytes that follow it."""

    header: Header
    sections: list[bytes]
    pieces: list[bytes]

    def parts(self) -> Iterator[bytes]:
        """Yield the bytes after the header; the body in parts, so that it is never copied whole."""
        yield from self.sections
        yield from joined(self.pieces)


@dataclass(frozen=True, slots=True)
class _Slots:
    """The parts of the index that depend only on the names: slot table and block table."""

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
class PackedStore:
    """The options of a segment.  Immutable: each publication is built from the previous content.

    Parts that depend only on the names, and those of an option that is the same object as before,
    are taken from the previous content.  The resulting bytes are the same either way.

    ``names`` are sorted, and ``pieces`` are those of ``body_of``.  ``parts`` has the size and
    CRC-32 of each part of the body.  ``offsets`` and ``checks`` are those of the entries, and
    ``total`` is the sum of their digests.  ``differences`` has the names that were added, changed
    and removed since the previous content.
    """

    names: list[str]
    slots: _Slots
    pieces: list[bytes]
    parts: list[tuple[int, int]]
    offsets: array[int]
    checks: array[int]
    total: int
    differences: Differences

    @classmethod
    def of(cls, options: Mapping[str, bytes]) -> PackedStore:
        """Return the content of ``options``, name to packed keys."""
        return cls._without_keys([]).follow(options)

    @classmethod
    def _without_keys(cls, names: list[str]) -> PackedStore:
        """Return a content with these names, in order, before their options are filled in."""
        pieces = body_of(dict.fromkeys(names, b""))
        offsets, checks = (array("Q", bytes(8 * len(names))) for _ in range(2))
        if names:
            offsets[0] = len(pieces[0])
        return cls(names, _Slots.of(names), pieces, [], offsets, checks, 0, Differences((), (), ()))

    @property
    def digest(self) -> bytes:
        """The digest, which is the same on every host with the same content."""
        return digest_bytes(self.total)

    def options(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and packed keys of each option, in order."""
        yield from zip(self.names, self.pieces[2::2], strict=True)

    def follow(self, options: Mapping[str, bytes]) -> PackedStore:
        """Return the content of ``options``, reusing the parts of this one that did not change."""
        names = list(options)
        if not (same_names := names == self.names):
            names.sort()
            options = {name: options[name] for name in names}
            same_names = names == self.names
        packed = list(options.values())
        if same_names:
            base, total, added = self, self.total, set[str]()
            removed: tuple[str, ...] = ()
        else:
            base, total, added, removed = self._with_names(names)
        pieces, offsets, checks = base.pieces.copy(), base.offsets, base.checks[:]
        changed, stale = [], set[int]()
        moved = len(names) if base is self else 0  # the first ordinal whose length is another
        for ordinal in _unequal(packed, base.pieces[2::2]):
            at = 2 * ordinal + 2
            name, old, keys = pieces[at - 1], pieces[at], packed[ordinal]
            if names[ordinal] not in added:
                changed.append(names[ordinal])
                total -= entry_digest(name, old)
            total += entry_digest(name, keys)
            if len(keys) != len(old):
                moved = min(moved, ordinal)
            checks[ordinal] = entry_check(len(name) + len(keys), crc32(keys, crc32(name)))
            stale.add(at // PART)
        # All of them, also equal ones: the objects of ``options`` are kept anyway.
        pieces[2::2] = packed
        if moved < len(names):
            offsets = offsets[:]
            place_entries(offsets, checks, moved)
        parts = base._parts_with(pieces, stale)
        differences = Differences(tuple(sorted(added)), tuple(changed), removed)
        return PackedStore(
            base.names, base.slots, pieces, parts, offsets, checks, total, differences
        )

    def _parts_with(self, pieces: list[bytes], stale: set[int]) -> list[tuple[int, int]]:
        """Return size and CRC-32 of the parts of ``pieces``, of which only ``stale`` are new."""
        if not self.parts:
            return [(len(part), crc32(part)) for part in joined(pieces)]
        parts = self.parts.copy()
        for number in stale:
            part = b"".join(pieces[number * PART : (number + 1) * PART])
            parts[number] = len(part), crc32(part)
        return parts

    def _with_names(self, names: list[str]) -> tuple[PackedStore, int, set[str], tuple[str, ...]]:
        """Return this content with other ``names``; names that stay keep their entries.

        Return with it the sum of the remaining digests, the new names and the removed names.
        """
        base = PackedStore._without_keys(names)
        place = {name: ordinal for ordinal, name in enumerate(self.names)}
        for ordinal, name in enumerate(names):
            was = place.pop(name, None)
            if was is not None:
                base.pieces[2 * ordinal + 2] = self.pieces[2 * was + 2]
                base.checks[ordinal] = self.checks[was]
        total = self.total
        for was in place.values():
            total -= entry_digest(*self.pieces[2 * was + 1 : 2 * was + 3])
        return base, total, set(names).difference(self.names), tuple(place)

    def image(self, generation: int, about: About, changes: ChangeLog) -> Image:
        """Return the segment of ``generation``; ``changes`` is the log that it carries."""
        slots, described, changed = self.slots, about.pack(), changes.pack()
        entries = build_entries(self.offsets, self.checks).tobytes()
        body_size = body_checksum = 0
        for size, checksum in self.parts:
            body_size += size
            body_checksum = combined(body_checksum, checksum, size)
        # In this order; each section begins at a multiple of 8.
        sections = [described, slots.table, slots.blocks, entries, changed]
        starts, parts, at = [], [], HEADER_SIZE
        for section in sections:
            starts.append(at)
            parts += [section, padding(len(section))]
            at += len(section) + len(parts[-1])
        about_at, slots_at, blocks_at, entries_at, changes_at = starts
        header = Header(
            generation=generation,
            header_size=HEADER_SIZE,
            size=at + body_size,
            options=len(self.names),
            slot_bits=slots.bits,
            slots=slots.count,
            longest_probe=slots.longest,
            slots_at=slots_at,
            blocks_at=blocks_at,
            block_checksum=crc32(slots.blocks),
            entries_at=entries_at,
            body_at=at,
            body_size=body_size,
            body_checksum=body_checksum,
            about_at=about_at,
            about_size=len(described),
            about_checksum=crc32(described),
            changes_at=changes_at,
            changes_size=len(changed),
            changes_checksum=crc32(changed),
            read_at=about.read_at,
            read_boottime=about.read_boottime,
            digest=self.digest,
        )
        return Image(header, parts, self.pieces)


def _unequal(new: list[bytes], old: list[bytes]) -> Iterator[int]:
    """Yield where two lists of the same length differ; fast if most items are the same object."""
    for start in range(0, len(new), _BLOCK):
        block = new[start : start + _BLOCK]
        if block != old[start : start + _BLOCK]:
            for at, item in enumerate(block, start):
                if item != old[at]:
                    yield at
