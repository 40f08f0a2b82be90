"""The control page: one page of 64-bit words, created once and never resized.

The generation word alone decides a reader's hot path.  What describes the content (digest, counts)
is in the snapshot's own header, where it cannot be mixed up with another generation's; the page
holds what lives on between generations: a status, in one of two slots.
"""

from __future__ import annotations

import struct
from zlib import crc32

from msgpack import packb, unpackb

from ddbcfg_client.format import LAYOUT_VERSION
from ddbcfg_client.format import NEVER as NEVER

PAGE_SIZE = 4096
PAGE_MAGIC = int.from_bytes(b"DDBCFGP\x01", "little")

# Indexes of 64-bit words.  The first three are fixed for all layouts to come.
MAGIC_WORD = 0
LAYOUT_WORD = 1
GENERATION_WORD = 2  # 0: nothing published yet; RETIRED set: this page is replaced, attach anew
STATUS_WORD = 3  # counts status writes; its lowest bit says which of the two slots is current

RETIRED = 1 << 63

# A reader never sees half a status: the publisher fills the slot that is *not* current and then
# counts STATUS_WORD up with one store.  Killed in between, it has changed nothing.
_STATUS_SLOTS = 64
_STATUS_SIZE = 2016
# A slot: CRC-32 of what follows, the size of the map, the map.
_STATUS = struct.Struct("=QQ")
_MAP_LARGEST = _STATUS_SIZE - _STATUS.size

# Bytes that each text may take; together they leave room for every number and some more fields.
ERROR_LONGEST = 700
HELD_LONGEST = 400
_TEXT_LONGEST = 120
_LONGEST = {"error": ERROR_LONGEST, "held": HELD_LONGEST, "copy_error": 200}


class PageStatus:
    """How the daemon is doing: the part of the control page that lives on between generations.

    Times are nanoseconds of the host's CLOCK_BOOTTIME, those called ``_unix`` and ``held_since``
    nanoseconds since 1970; :data:`NEVER` when there is none.

    ``generation`` is the one that was current when this was written, and ``success`` the end of the
    last reading of the table after which it was left current; ``previous_generation`` and
    ``previous_success`` are the same for the generation before.  So a reader knows the age of what
    it serves, whichever of the two that is.

    ``failures`` counts failed polls in a row, ``error`` says why the last one failed.  ``held``
    says why newer content is not published, ``copy_error`` why the copy on disk is not written.
    ``held_bytes`` is the shared memory of replaced segments that readers still hold.
    ``daemon_pidns`` is the inode of the PID namespace in which ``daemon_pid`` means something.
    ``revision`` and ``epoch`` are the table's own version of the store.
    """

    __slots__ = (
        "copy_error",
        "daemon_pid",
        "daemon_pidns",
        "daemon_start",
        "epoch",
        "error",
        "failures",
        "generation",
        "held",
        "held_bytes",
        "held_since",
        "interval",
        "poll_finished",
        "poll_started",
        "polls",
        "previous_generation",
        "previous_success",
        "revision",
        "skipped",
        "source",
        "success",
        "success_unix",
    )

    def __init__(
        self,
        *,
        interval: int = 0,
        poll_started: int = NEVER,
        poll_finished: int = NEVER,
        generation: int = 0,
        success: int = NEVER,
        success_unix: int = NEVER,
        previous_generation: int = 0,
        previous_success: int = NEVER,
        polls: int = 0,
        failures: int = 0,
        skipped: int = 0,
        source: str = "",
        error: str = "",
        held: str = "",
        held_since: int = NEVER,
        held_bytes: int = 0,
        copy_error: str = "",
        daemon_pid: int = 0,
        daemon_start: int = 0,
        daemon_pidns: int = 0,
        revision: int = 0,
        epoch: str = "",
    ) -> None:
        self.interval = interval
        self.poll_started = poll_started
        self.poll_finished = poll_finished
        self.generation = generation
        self.success = success
        self.success_unix = success_unix
        self.previous_generation = previous_generation
        self.previous_success = previous_success
        self.polls = polls
        self.failures = failures
        self.skipped = skipped
        self.source = source
        self.error = error
        self.held = held
        self.held_since = held_since
        self.held_bytes = held_bytes
        self.copy_error = copy_error
        self.daemon_pid = daemon_pid
        self.daemon_start = daemon_start
        self.daemon_pidns = daemon_pidns
        self.revision = revision
        self.epoch = epoch

    def success_of(self, generation: int) -> int | None:
        """Return ``success`` of ``generation``; None when it is neither of the two known here."""
        if generation == self.generation:
            return self.success
        return self.previous_success if generation == self.previous_generation else None


_DEFAULTS = {name: getattr(PageStatus(), name) for name in PageStatus.__slots__}


def status_slot(count: int) -> int:
    """Return the offset of the status slot that is current when STATUS_WORD is ``count``."""
    return _STATUS_SLOTS + (count & 1) * _STATUS_SIZE


def pack_status(status: PageStatus) -> bytes:
    """Return the bytes of a status slot; a text too long for it is cut at a character.

    Only what differs from its default is stored.
    """
    fields = {}
    for name, default in _DEFAULTS.items():
        value = getattr(status, name)
        if value != default:
            fields[name] = _cut(name, value) if isinstance(value, str) else value
    packed = packb(fields)
    rest = struct.pack("=Q", len(packed)) + packed
    return struct.pack("=Q", crc32(rest)) + rest


def _cut(name: str, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    return raw[: _LONGEST.get(name, _TEXT_LONGEST)].decode("utf-8", "ignore")


def parse_status(slot: bytes) -> PageStatus:
    """Return the status in a slot's bytes; raise ValueError when they do not check out.

    Keys that this release does not know are skipped.
    """
    checksum, length = _STATUS.unpack_from(slot)
    end = _STATUS.size + length
    if length > _MAP_LARGEST or crc32(slot[8:end]) != checksum:
        raise ValueError("the status does not match its checksum")
    try:
        fields = unpackb(slot[_STATUS.size : end])
    except (ValueError, RecursionError) as error:
        raise ValueError("the status is no msgpack map") from error
    if type(fields) is not dict:
        raise ValueError("the status is no msgpack map")
    status = PageStatus()
    for name, default in _DEFAULTS.items():
        value = fields.get(name, default)
        if type(value) is not type(default) or (
            type(value) is int and not NEVER <= value < 1 << 63
        ):
            raise ValueError(f"the status has a wrong {name}")
        setattr(status, name, value)
    return status


def read_status(page: memoryview, words: memoryview) -> PageStatus:
    """Return the current status in a mapped page (as bytes and as words).

    Raise ValueError when it is damaged.  Waits for nobody: a second try is needed only when two
    statuses were written in between, or on a processor that reorders loads.
    """
    error = ValueError("the status changes faster than it can be read")
    for _ in range(100):
        count = words[STATUS_WORD]
        offset = status_slot(count)
        slot = bytes(page[offset : offset + _STATUS_SIZE])
        if words[STATUS_WORD] == count:
            try:
                return parse_status(slot)
            except ValueError as damaged:
                error = damaged
    raise error


def write_status(page: memoryview, words: memoryview, status: PageStatus) -> None:
    """Write ``status`` into the slot of a mapped page that nobody reads, which is then current."""
    count = words[STATUS_WORD] + 1
    slot = pack_status(status)
    offset = status_slot(count)
    page[offset : offset + len(slot)] = slot
    words[STATUS_WORD] = count


def words_of(page: memoryview | bytes | bytearray) -> memoryview:
    """Return the 64-bit words of ``page``: each is read and stored whole, as one plain access.

    ``struct.pack_into`` would clear a word before it stores it, and a reader would see 0.
    """
    return memoryview(page).cast("Q")


def new_page() -> bytes:
    """Return a control page with no generation and an empty status, but for the magic, which is 0.

    The magic is stored last, as one word, when all the rest is in place: a page without it is not
    there yet.
    """
    page = bytearray(PAGE_SIZE)
    struct.pack_into("=QQQQ", page, 0, 0, LAYOUT_VERSION, 0, 0)
    status = pack_status(PageStatus())
    page[status_slot(0) : status_slot(0) + len(status)] = status
    return bytes(page)
