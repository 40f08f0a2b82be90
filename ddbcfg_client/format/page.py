"""The control page: one page of 64-bit words, created once and never resized.

A reader's hot path depends only on the generation word.  The description of the content (digest,
counts) is in the snapshot's header, where it cannot be mixed up with that of another generation.
The page contains the daemon's status, which is independent of generations, in one of two slots.
"""

from __future__ import annotations

import sys
from zlib import crc32

from ddbcfg_client.format import LAYOUT_VERSION
from ddbcfg_client.format import NEVER as NEVER
from ddbcfg_client.format.unpack import unpack

PAGE_SIZE = 4096
PAGE_MAGIC = int.from_bytes(b"DDBCFGP\x01", "little")

# Indexes of 64-bit words.  The first three are the same in all future layouts.
MAGIC_WORD = 0
LAYOUT_WORD = 1
GENERATION_WORD = 2  # 0: nothing published yet; with RETIRED: replaced, attach again
STATUS_WORD = 3  # counts status writes; its lowest bit is the index of the current slot

RETIRED = 1 << 63

# A reader never sees a partial status: the publisher fills the slot that is *not* current and then
# increments STATUS_WORD with one store.  If it is killed in between, nothing has changed.
_STATUS_SLOTS = 64
_STATUS_SIZE = 2016
# A slot: CRC-32 of the rest, the size of the map, the map.
_STATUS_HEAD = 16
_MAP_LARGEST = _STATUS_SIZE - _STATUS_HEAD

# The maximum bytes of each text; together they leave room for all numbers and some future fields.
ERROR_LONGEST = 560
HELD_LONGEST = 300
_TEXT_LONGEST = 40
_LONGEST = {"error": ERROR_LONGEST, "held": HELD_LONGEST, "copy_error": 150, "note": 150}


class PageStatus:
    """The status of the daemon, the part of the control page that is independent of generations.

    Times are in nanoseconds of the host's CLOCK_BOOTTIME; those called ``_unix``, ``held_since``
    and ``pinned_since`` are in nanoseconds since 1970.  ``NEVER`` stands for no time.

    ``generation`` was current when the status was written.  ``success`` is the end of the last poll
    that left it current.  ``previous_generation`` and ``previous_success`` are the same for the
    generation before.  So a reader that serves either of the two knows its age.

    ``failures`` counts failed polls in a row, and ``error`` is the error of the last one.  ``held``
    is the reason why newer content is not published, ``copy_error`` why the copy on disk is not
    written.  ``held_bytes`` is the shared memory of replaced segments that readers still hold.
    ``daemon_pidns`` is the inode of the PID namespace to which ``daemon_pid`` belongs.

    ``revision`` and ``epoch`` are the table's own version of the store, as it is published;
    ``table_revision`` is the newest that was seen, 0 if polls follow none.  ``how`` says how the
    last change became known, and ``note`` why the store is not followed as usual.  ``doubt_since``
    is when it was first in doubt.  ``half_units`` and ``poll_half_units`` are the halves of a read
    unit that were consumed since the daemon's start, and by the last poll.  ``full_polls`` counts
    the readings of the whole store since then, ``full_read`` is the time of the last one, and
    ``doubts`` counts those that proved nothing.  ``merged_layers`` is the number of
    merged layers, 0 if the store is read as it is; ``longest_interval`` is the longest of their
    intervals, 0 if none is longer than ``interval``.

    ``pinned`` is the generation whose content an operator pinned, 0 if the store is not pinned.  It
    is published, possibly as a later generation.  ``pinned_by`` is who did it.
    """

    __slots__ = (
        "copy_error",
        "daemon_pid",
        "daemon_pidns",
        "daemon_start",
        "doubt_since",
        "doubts",
        "epoch",
        "error",
        "failures",
        "full_polls",
        "full_read",
        "generation",
        "half_units",
        "held",
        "held_bytes",
        "held_since",
        "how",
        "interval",
        "longest_interval",
        "merged_layers",
        "note",
        "pinned",
        "pinned_by",
        "pinned_since",
        "poll_finished",
        "poll_half_units",
        "poll_started",
        "polls",
        "previous_generation",
        "previous_success",
        "revision",
        "skipped",
        "source",
        "success",
        "success_unix",
        "table_revision",
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
        table_revision: int = 0,
        how: str = "",
        note: str = "",
        doubt_since: int = NEVER,
        doubts: int = 0,
        half_units: int = 0,
        poll_half_units: int = 0,
        full_polls: int = 0,
        full_read: int = NEVER,
        merged_layers: int = 0,
        longest_interval: int = 0,
        pinned: int = 0,
        pinned_since: int = NEVER,
        pinned_by: str = "",
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
        self.table_revision = table_revision
        self.how = how
        self.note = note
        self.doubt_since = doubt_since
        self.doubts = doubts
        self.half_units = half_units
        self.poll_half_units = poll_half_units
        self.full_polls = full_polls
        self.full_read = full_read
        self.merged_layers = merged_layers
        self.longest_interval = longest_interval
        self.pinned = pinned
        self.pinned_since = pinned_since
        self.pinned_by = pinned_by

    def success_of(self, generation: int) -> int | None:
        """Return the success time of ``generation``; None if it is neither of the known two."""
        if generation == self.generation:
            return self.success
        return self.previous_success if generation == self.previous_generation else None


_EMPTY = PageStatus()
_DEFAULTS = {name: getattr(_EMPTY, name) for name in PageStatus.__slots__}


def status_slot(count: int) -> int:
    """Return the offset of the current status slot if STATUS_WORD is ``count``."""
    return _STATUS_SLOTS + (count & 1) * _STATUS_SIZE


def pack_status(status: PageStatus) -> bytes:
    """Return the bytes of a status slot; a text that is too long is cut between characters.

    Only fields that differ from their defaults are stored.
    """
    from msgpack import packb  # readers do not need it

    fields = {}
    for name, default in _DEFAULTS.items():
        value = getattr(status, name)
        if value != default:
            fields[name] = _cut(name, value) if isinstance(value, str) else value
    packed = packb(fields)
    rest = _word(len(packed)) + packed
    return _word(crc32(rest)) + rest


def _word(number: int) -> bytes:
    return number.to_bytes(8, sys.byteorder)


def _cut(name: str, text: str) -> str:
    raw = text.encode("utf-8", "replace")
    return raw[: _LONGEST.get(name, _TEXT_LONGEST)].decode("utf-8", "ignore")


def parse_status(slot: bytes) -> PageStatus:
    """Return the status in a slot's bytes; raise ValueError if they are not valid.

    Keys that this release does not know are skipped.
    """
    checksum, length = memoryview(slot)[:_STATUS_HEAD].cast("Q")
    end = _STATUS_HEAD + length
    if length > _MAP_LARGEST or crc32(slot[8:end]) != checksum:
        raise ValueError("the status does not match its checksum")
    try:
        fields = unpack(slot[_STATUS_HEAD:end])
    except (ValueError, RecursionError) as error:
        raise ValueError("the status is not a msgpack map") from error
    if type(fields) is not dict:
        raise ValueError("the status is not a msgpack map")
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

    Raise ValueError if it is damaged.  This never waits: a retry is needed only if two statuses
    were written meanwhile, or if the processor reordered the loads.
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
    """Write ``status`` into the unused slot of a mapped page, and make that slot current."""
    count = words[STATUS_WORD] + 1
    slot = pack_status(status)
    offset = status_slot(count)
    page[offset : offset + len(slot)] = slot
    words[STATUS_WORD] = count


def words_of(page: memoryview | bytes | bytearray) -> memoryview:
    """Return the 64-bit words of ``page``; each is read and written with one plain access.

    ``struct.pack_into`` clears a word before it stores the value, and a reader could see 0.
    """
    return memoryview(page).cast("Q")


def new_page() -> bytes:
    """Return a control page without generation, with an empty status and with a magic of 0.

    The magic is stored last, as one word: a page without it is not ready yet.
    """
    page = bytearray(PAGE_SIZE)
    words_of(page)[LAYOUT_WORD] = LAYOUT_VERSION
    status = pack_status(PageStatus())
    page[status_slot(0) : status_slot(0) + len(status)] = status
    return bytes(page)
