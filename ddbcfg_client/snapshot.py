"""A snapshot: all options of one generation, decoded one by one as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from msgpack import unpackb

from ddbcfg_client.errors import OptionNotFound, SnapshotCorrupt, SnapshotError
from ddbcfg_client.format.segment import BLOCK_SIZE, ENTRY_SIZE, SLOT_SIZE, home_slot
from ddbcfg_client.format.values import pack_name, split_entry, unpack_option
from ddbcfg_client.readonly import ReadOnlyDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ddbcfg_client.format.changes import ChangeLog
    from ddbcfg_client.memo import Memo
    from ddbcfg_client.shm.segment import Segment

_WINDOW = 64  # slots read at once: nearly every probe ends in the first window

# Names that are kept as known to be absent, and the longest of them (DynamoDB has none longer): who
# makes up names must not fill memory.
_ABSENT = 1000
_LONGEST = 1024


class Snapshot(Mapping[str, ReadOnlyDict]):
    """A read-only mapping of option to keys that is one generation for as long as it is held.

    Finding an option costs the same at any size of the store: a probe of the index, and the
    option's own bytes.  Nothing is believed before its checksum matched.
    """

    __slots__ = ("_absent", "_memo", "_names", "_segment", "decoded", "store")

    def __init__(self, segment: Segment, store: str, memo: Memo) -> None:
        self._segment = segment
        self._memo = memo
        self._names: tuple[str, ...] | None = None
        self._absent: set[str] = set()
        self.store = store
        #: Options decoded so far, shared with the reader's hot path.
        self.decoded: dict[str, ReadOnlyDict] = {}

    @property
    def generation(self) -> int:
        """The snapshot's version on this host: one more for each change of content."""
        return self._segment.header.generation

    @property
    def digest(self) -> str:
        """A hash of the content in hex: the same on every host that has the same content."""
        return self._segment.header.digest.hex()

    @property
    def source(self) -> str:
        """Where it was read: ``dynamodb``, ``disk``, ``local``, or what later daemons add."""
        source = self._about().get("source")
        return source if isinstance(source, str) else ""

    @property
    def revision(self) -> tuple[str, int] | None:
        """The table's own version of the store, as epoch and revision; None without one."""
        about = self._about()
        epoch, revision = about.get("epoch"), about.get("revision")
        if isinstance(epoch, str) and isinstance(revision, int) and revision > 0:
            return epoch, revision
        return None

    @property
    def read_boottime(self) -> int:
        """When DynamoDB was read for it, in nanoseconds of the host's CLOCK_BOOTTIME."""
        return self._segment.header.read_boottime

    @property
    def read_at(self) -> float:
        """When DynamoDB was read for it, in seconds since 1970 (UTC)."""
        return self._segment.header.read_at / 1e9

    @property
    def size(self) -> int:
        """The segment's size in bytes."""
        return self._segment.header.size

    # --- the mapping -----------------------------------------------------------------------------

    def __getitem__(self, option: str) -> ReadOnlyDict:
        """The option's keys.  Raises OptionNotFound or SnapshotCorrupt."""
        try:
            return self.decoded[option]
        except (KeyError, TypeError):
            raw = self._find(option)
        if raw is None:
            if isinstance(option, str):
                self._memo.forget(option, self.generation)
            raise OptionNotFound(option, self.store)
        return self._decode(option, raw)

    def __contains__(self, option: object) -> bool:
        """Whether there is such an option; it is not decoded."""
        return option in self.decoded or self._find(option) is not None

    def __len__(self) -> int:
        return self._segment.header.options

    def __iter__(self) -> Iterator[str]:
        """The options' names in order of their UTF-8 bytes."""
        if self._names is None:
            self._names = tuple(option for option, _ in self._entries())
        return iter(self._names)

    def everything(self) -> ReadOnlyDict:
        """Return every option, decoded, in order of their names."""
        return ReadOnlyDict(
            (option, self.decoded.get(option) or self._decode(option, raw))
            for option, raw in self._entries()
        )

    # A copy is a plain dict, as an option's is: two objects must not hold one descriptor.

    def __copy__(self) -> dict[str, ReadOnlyDict]:
        return self.everything().copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return self.everything().__deepcopy__(memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.everything().__reduce__()

    def changes(self) -> ChangeLog:
        """Return the names of the options that changed in the last generations."""
        from ddbcfg_client.format.changes import parse_changes  # most readers never ask

        header = self._segment.header
        packed = self._section(header.changes_at, header.changes_size, header.changes_checksum)
        try:
            return parse_changes(packed)
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    def verify(self) -> None:
        """Raise SnapshotCorrupt unless every byte that a reader may use checks out.

        For tools: a reader checks what it reads, no more.
        """
        self.packed()

    def packed(self) -> dict[str, bytes]:
        """Return every option, name to packed keys, when every byte was checked.

        For the publisher that takes over.  Raises SnapshotCorrupt.
        """
        from ddbcfg_client.format.segment import digest_bytes, entry_digest

        header = self._segment.header
        body = self._segment.read(header.body_at, header.body_size)
        if crc32(body) != header.body_checksum:
            raise self._corrupt("its body does not match its checksum")
        self._check_slots(0, header.slots)
        self._about()
        self.changes()
        options, total = {}, 0
        for option, raw in self._entries():
            options[option] = raw
            total += entry_digest(pack_name(option), raw)
            if self._probe(option) is None:
                raise self._corrupt("its index does not lead to every option")
        if len(options) != header.options or digest_bytes(total) != header.digest:
            raise self._corrupt("its options do not match its digest")
        return options

    def __repr__(self) -> str:
        # Without the values: they can be secrets, and this ends up in logs.
        return f"<Snapshot of {self.store!r}, generation {self.generation}, {len(self)} options>"

    # --- bytes to options ------------------------------------------------------------------------

    def _decode(self, option: str, raw: bytes) -> ReadOnlyDict:
        option = plain(option)
        # Unchanged since it was last decoded: the same object.
        value = self._memo.recall(option, raw)
        if value is None:
            try:
                value = unpack_option(raw)
            except ValueError as error:
                raise self._corrupt(str(error)) from None
        # Another thread may have decoded it meanwhile; all get the object that came first.
        value = self.decoded.setdefault(option, value)
        try:
            self._memo.keep(option, self.generation, raw, value, self)
        except SnapshotError:
            pass  # of other options, which this read is not about
        return value

    def _about(self) -> dict[str, Any]:
        """What describes the content; keys that this release does not know are skipped."""
        header = self._segment.header
        packed = self._section(header.about_at, header.about_size, header.about_checksum)
        try:
            about = unpackb(packed)
        except (ValueError, RecursionError):
            about = None
        if type(about) is not dict:
            raise self._corrupt("what describes its content is no msgpack map")
        return about

    def _section(self, at: int, size: int, checksum: int) -> bytes:
        section = self._segment.read(at, size)
        if crc32(section) != checksum:
            raise self._corrupt("a section does not match its checksum")
        return section

    def _find(self, option: object) -> bytes | None:
        """The packed keys of *option*, or None when the store has no such option."""
        if not isinstance(option, str) or option in self._absent:
            return None
        raw = self._probe(option)
        if raw is None:
            # Programs ask for an option that may be there again and again.
            if len(self._absent) >= _ABSENT:
                self._absent = set()
            if len(option) <= _LONGEST:
                self._absent.add(plain(option))
        return raw

    def _probe(self, option: str) -> bytes | None:
        """The packed keys of *option*, or None when the index leads to no such option."""
        try:
            name = option.encode()
        except UnicodeEncodeError:
            return None
        header, read = self._segment.header, self._segment.read
        wanted = crc32(name)
        home = home_slot(wanted, header.slot_bits)
        stop = min(home + header.longest_probe, header.slots)
        at = home
        while at < stop:
            count = min(_WINDOW, stop - at)
            window = read(header.slots_at + at * SLOT_SIZE, count * SLOT_SIZE)
            for slot in memoryview(window).cast("Q"):
                at += 1
                if slot == 0:
                    stop = at
                    break
                if slot >> 32 == wanted:
                    raw = self._entry(slot, pack_name(option))
                    if raw is not None:
                        return raw
        self._check_slots(home, stop)
        return None

    def _entry(self, slot: int, name: bytes) -> bytes | None:
        """The packed keys of the entry that *slot* leads to if it is called *name* (as msgpack)."""
        header = self._segment.header
        ordinal = (slot & 0xFFFFFFFF) - 1
        if not 0 <= ordinal < header.options:
            raise self._corrupt("its index points past the options")
        at = header.entries_at + ordinal * ENTRY_SIZE
        offset, check = memoryview(self._segment.read(at, ENTRY_SIZE)).cast("Q")
        length, checksum = check >> 32, check & 0xFFFFFFFF
        if offset + length > header.body_size:
            raise self._corrupt("its index points past the body")
        entry = self._segment.read(header.body_at + offset, length)
        if crc32(entry) != checksum:
            raise self._corrupt("an option does not match its checksum")
        if entry.startswith(name):
            return entry[len(name) :]
        # Another name with the same CRC-32, or not the entry that the slot was made for.
        if crc32(self._split(entry)[0].encode()) != slot >> 32:
            raise self._corrupt("its index leads to another option")
        return None

    def _check_slots(self, first: int, stop: int) -> None:
        """Raise SnapshotCorrupt unless the slots from *first* to *stop* are what was published.

        "Not found" is believed only of slots that check out: else a damaged slot would make an
        option disappear.
        """
        header, read = self._segment.header, self._segment.read
        table = read(header.blocks_at, header.blocks * 4)
        if crc32(table) != header.block_checksum:
            raise self._corrupt("its block table does not match its checksum")
        checksums = memoryview(table).cast("I")
        end = header.slots_at + header.slots * SLOT_SIZE
        first_block = first * SLOT_SIZE // BLOCK_SIZE
        last_block = (max(stop, first + 1) - 1) * SLOT_SIZE // BLOCK_SIZE
        for block in range(first_block, min(last_block + 1, header.blocks)):
            at = header.slots_at + block * BLOCK_SIZE
            if crc32(read(at, min(BLOCK_SIZE, end - at))) != checksums[block]:
                raise self._corrupt("its index does not match its checksum")

    def _entries(self) -> Iterator[tuple[str, bytes]]:
        """Name and packed keys of every option, in canonical order, each entry checked."""
        header, read = self._segment.header, self._segment.read
        table = memoryview(read(header.entries_at, header.options * ENTRY_SIZE)).cast("Q")
        body = read(header.body_at, header.body_size)
        expected = None
        for at in range(0, len(table), 2):
            offset, check = table[at], table[at + 1]
            entry = body[offset : offset + (check >> 32)]
            # Entries stand one behind the other, so that none can be left out or come twice.
            if crc32(entry) != check & 0xFFFFFFFF or expected not in (None, offset):
                raise self._corrupt("an option does not match its checksum")
            expected = offset + len(entry)
            option, start = self._split(entry)
            yield option, entry[start:]

    def _split(self, entry: bytes) -> tuple[str, int]:
        try:
            return split_entry(entry)
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    def _corrupt(self, reason: str) -> SnapshotCorrupt:
        if not self._segment.is_open():
            reason = "its descriptor was closed by this program; connect after closing descriptors"
        return SnapshotCorrupt(self._segment.name, reason)


def plain(option: str) -> str:
    """The same name as a str and no subclass: what is kept must run no code when it is compared."""
    return str.__str__(option)
