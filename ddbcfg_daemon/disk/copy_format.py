"""The format of the copy on disk: names, offsets, packing and parsing.  No I/O.

File: prefix, record, head, body.  The prefix has magic, version, lengths of head and body, and the
SHA-256 of both.  The head is a msgpack map that identifies the store; more keys may be added.  The
body is the msgpack map of the options, as in a segment.

The record has the time at which the table last confirmed the content.  It is the only part that is
overwritten in place, at each successful poll.  It lies within one sector and has its own checksum.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from zlib import crc32

from msgpack import packb, unpackb

from ddbcfg_client.format.body import body_of, options_of
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.sources.base import Provenance, Reading

_MAGIC = b"DDBCFGD\x01"
_VERSION = 2
_PREFIX = struct.Struct("<8sQQQ32s")
RECORD_AT = _PREFIX.size
_RECORD = struct.Struct("<qq16s")
_RECORD_CHECKSUM = struct.Struct("<I")
HEAD_AT = RECORD_AT + 64

HEAD_LONGEST = 1 << 16  # bytes; a head with more is refused
LARGEST = 1 << 31  # bytes; no store is as large, and a damaged size must not exhaust the memory
_LAST = 1 << 62  # generations and times from here on are invalid; the layout ends at twice that
_CHUNK = 1 << 20  # bytes written at once


@dataclass(frozen=True, slots=True)
class Content:
    """The content to save: the published options, and when the table last confirmed them.

    ``read_at`` is the time of the first reading, in nanoseconds since 1970.  ``revision`` and
    ``epoch`` are the table's own version of the store; 0 and "" without one.  ``notes`` are further
    entries of the head; they are not validated here.
    """

    options: Mapping[str, bytes]
    generation: int
    digest: str
    read_at: int
    confirmed: Moment
    revision: int = 0
    epoch: str = ""
    notes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says of its content; see ``Content``."""

    generation: int
    digest: str
    read_at: int
    provenance: Provenance
    notes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Copy:
    """The content that was loaded from disk."""

    reading: Reading
    generation: int
    confirmed: Moment
    digest: str = ""
    notes: Mapping[str, object] = field(default_factory=dict)


def pack_head(names: Names, content: Content) -> bytes:
    """Return the head of ``content``, for a copy of the store ``names``."""
    head: dict[str, object] = {
        **content.notes,
        "namespace": names.namespace,
        "store": names.store,
        "generation": content.generation,
        "digest": bytes.fromhex(content.digest),
        "read_at": content.read_at,
    }
    if content.revision:
        head |= {"revision": content.revision, "epoch": content.epoch}
    return bytes(packb(head))


def pack_prefix(head_length: int, body_length: int, digest: bytes) -> bytes:
    """Return the prefix; ``digest`` is the SHA-256 of head and body."""
    return _PREFIX.pack(_MAGIC, _VERSION, head_length, body_length, digest)


def pack_record(moment: Moment) -> bytes:
    """Return the record of ``moment``."""
    fields = _RECORD.pack(moment.unix, moment.boottime, moment.boot)
    return (fields + _RECORD_CHECKSUM.pack(crc32(fields))).ljust(HEAD_AT - RECORD_AT, b"\0")


def body_chunks(options: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield the body in chunks of about 1 MiB, so that memory does not hold a second copy."""
    pieces = body_of(options)
    start, size = 0, 0
    for end, piece in enumerate(pieces, 1):
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(pieces[start:end])
            start, size = end, 0
    yield b"".join(pieces[start:])


def parse_copy(raw: bytes, names: Names) -> Copy:
    """Return the copy in a file's bytes; raise ValueError if it is not one of store ``names``."""
    head_length, body_length, digest = _parse_prefix(raw)
    rest = memoryview(raw)[HEAD_AT:]
    if len(rest) != head_length + body_length or sha256(rest).digest() != digest:
        raise ValueError("it is damaged (its checksum does not match)")
    head = _parse_head(rest[:head_length], names)
    try:
        options = options_of(rest[head_length:])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is damaged ({type(error).__name__})") from None
    # If the record is damaged, use the time of the first reading: too old is safer than too new.
    confirmed = _parse_record(raw) or Moment(head.read_at, 0, bytes(16))
    layers = head.notes.get("layers")
    reading = Reading(
        options,
        head.read_at,
        "disk",
        provenance=head.provenance,
        layers=layers if isinstance(layers, dict) else {},
    )
    return Copy(reading, head.generation, confirmed, head.digest, head.notes)


def parse_start(raw: bytes, names: Names | None) -> Head:
    """Return the head in the first bytes of a file; raise ValueError as ``parse_copy`` does.

    If ``names`` is None, it can be of any store.

    The checksum is not verified, because it is also that of the body.
    """
    head_length, _, _ = _parse_prefix(raw)
    if head_length > min(HEAD_LONGEST, len(raw) - HEAD_AT):
        raise ValueError("it is damaged (its head is too long)")
    return _parse_head(memoryview(raw)[HEAD_AT : HEAD_AT + head_length], names)


def _parse_prefix(raw: bytes) -> tuple[int, int, bytes]:
    """Return the lengths of head and body, and the checksum of both."""
    if len(raw) < HEAD_AT:
        raise ValueError("it is truncated")
    magic, version, head_length, body_length, digest = _PREFIX.unpack_from(raw)
    if magic != _MAGIC:
        raise ValueError("it is not a copy of a store")
    if version != _VERSION:
        raise ValueError(f"it has version {version}, but this release reads {_VERSION}")
    return head_length, body_length, digest


def _parse_head(packed: memoryview, names: Names | None) -> Head:
    try:
        notes = unpackb(packed)
        whose = notes["namespace"], notes["store"]
        generation, read_at = notes["generation"], notes["read_at"]
        digest = bytes.hex(notes["digest"])
        provenance = _provenance_in(notes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is damaged ({type(error).__name__})") from None
    if names is not None and whose != (names.namespace, names.store):
        raise ValueError(f"it is of another store, {whose[0]!r}/{whose[1]!r}")
    if not (_is_within(1, generation) and _is_within(0, read_at)):
        raise ValueError("its generation or time is out of range")
    return Head(generation, digest, read_at, provenance, notes)


def _provenance_in(head: Mapping[str, object]) -> Provenance:
    """Return the revision in a head; copies of a store without one, and older ones, have none."""
    revision, epoch = head.get("revision"), head.get("epoch")
    if not _is_within(1, revision) or not isinstance(epoch, str):
        return Provenance()
    assert isinstance(revision, int)
    return Provenance(epoch=epoch, revision=revision)


def _is_within(first: int, number: object) -> bool:
    return type(number) is int and first <= number < _LAST


def _parse_record(raw: bytes) -> Moment | None:
    """Return the moment in the record; None if it is damaged or out of range."""
    unix, boottime, boot = _RECORD.unpack_from(raw, RECORD_AT)
    (checksum,) = _RECORD_CHECKSUM.unpack_from(raw, RECORD_AT + _RECORD.size)
    if crc32(raw[RECORD_AT : RECORD_AT + _RECORD.size]) != checksum:
        return None
    if not (_is_within(0, unix) and _is_within(0, boottime)):
        return None
    return Moment(unix, boottime, boot)
