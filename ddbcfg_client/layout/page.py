"""The control page: one page of 64-bit words, created once and never resized.

The generation word alone decides a reader's hot path.  What describes the content (digest, counts)
is in the snapshot's own header, where it cannot be mixed up with another generation's; the page
holds what lives on between generations.
"""

from __future__ import annotations

import struct
from zlib import crc32

from ddbcfg_client.layout import LAYOUT_VERSION, SOURCES

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
_STATUS = struct.Struct("=QQqqqqQQQQQQQ")
ERROR_LONGEST = _STATUS_SIZE - _STATUS.size

NEVER = -(1 << 63)  # a time that is not known


class PageStatus:
    """How the daemon fares: the part of the control page that lives on between generations.

    Times are nanoseconds of CLOCK_BOOTTIME, :data:`NEVER` when there is none; ``success_unix`` is
    the wall clock's at the last success, for people.  ``failures`` counts failed polls in a row.
    """

    __slots__ = (
        "daemon_pid",
        "daemon_start",
        "error",
        "failures",
        "interval",
        "poll_finished",
        "poll_started",
        "polls",
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
        success: int = NEVER,
        success_unix: int = NEVER,
        polls: int = 0,
        failures: int = 0,
        skipped: int = 0,
        source: str = "dynamodb",
        daemon_pid: int = 0,
        daemon_start: int = 0,
        error: str = "",
    ) -> None:
        self.interval = interval
        self.poll_started = poll_started
        self.poll_finished = poll_finished
        self.success = success
        self.success_unix = success_unix
        self.polls = polls
        self.failures = failures
        self.skipped = skipped
        self.source = source
        self.daemon_pid = daemon_pid
        self.daemon_start = daemon_start
        self.error = error


def status_slot(count: int) -> int:
    """The offset in the page of the status slot that is current when STATUS_WORD is *count*."""
    return _STATUS_SLOTS + (count & 1) * _STATUS_SIZE


def pack_status(status: PageStatus) -> bytes:
    """The bytes of a status slot; an error text too long for it is cut at a character."""
    error = status.error.encode("utf-8", "replace")[:ERROR_LONGEST]
    error = error.decode("utf-8", "ignore").encode()
    fields = (
        status.interval,
        status.poll_started,
        status.poll_finished,
        status.success,
        status.success_unix,
        status.polls,
        status.failures,
        status.skipped,
        SOURCES.index(status.source),
        status.daemon_pid,
        status.daemon_start,
        len(error),
    )
    rest = _STATUS.pack(0, *fields)[8:] + error
    return struct.pack("=Q", crc32(rest)) + rest


def parse_status(slot: bytes) -> PageStatus:
    """The status in the bytes at :func:`status_slot`; ValueError when they do not check out."""
    checksum, *fields, source, pid, start, length = _STATUS.unpack_from(slot)
    end = _STATUS.size + length
    if length > ERROR_LONGEST or source >= len(SOURCES) or crc32(slot[8:end]) != checksum:
        raise ValueError("the status does not match its checksum")
    interval, poll_started, poll_finished, success, success_unix, polls, failures, skipped = fields
    return PageStatus(
        interval=interval,
        poll_started=poll_started,
        poll_finished=poll_finished,
        success=success,
        success_unix=success_unix,
        polls=polls,
        failures=failures,
        skipped=skipped,
        source=SOURCES[source],
        daemon_pid=pid,
        daemon_start=start,
        error=slot[_STATUS.size : end].decode("utf-8", "replace"),
    )


def read_status(page: memoryview, words: memoryview) -> PageStatus:
    """The current status in a mapped page (as bytes and as words); ValueError when damaged.

    Waits for nobody: a second try is needed only when two statuses were written in between, or on
    a processor that reorders loads.
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


def new_page() -> bytes:
    """A control page with no generation and an empty status, but for the magic, which is 0.

    The magic is stored last, as one word, when all the rest is in place: a page without it is not
    there yet.
    """
    page = bytearray(PAGE_SIZE)
    struct.pack_into("=QQQQ", page, 0, 0, LAYOUT_VERSION, 0, 0)
    status = pack_status(PageStatus())
    page[status_slot(0) : status_slot(0) + len(status)] = status
    return bytes(page)
