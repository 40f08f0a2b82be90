"""The bytes of the copy on disk: names, offsets, pack and parse.  No I/O.

File: prefix, record, head, body.  The prefix has magic, version, length of head and body, and the
SHA-256 of the two.  The head is a msgpack map that says whose copy it is, open for more keys; the
body is the msgpack map of the options, as it is in a segment.

The record says when the table last confirmed the content, and is the only part that is written
again in place: at each good poll.  It lies within one sector and has a checksum of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from zlib import crc32

from msgpack import packb, unpackb

from ddbcfg_client.format.body import body_of, options_of
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.sources.base import Reading

_MAGIC = b"DDBCFGD\x01"
_VERSION = 2
_PREFIX = struct.Struct("<8sQQQ32s")
RECORD_AT = _PREFIX.size
_RECORD = struct.Struct("<qq16s")
_RECORD_CHECKSUM = struct.Struct("<I")
HEAD_AT = RECORD_AT + 64

LARGEST = 1 << 31  # bytes; no store comes near, and a damaged size must not fill the memory
_LAST = 1 << 62  # generations and times from here on are absurd; the layout ends at twice that
_CHUNK = 1 << 20  # bytes written at once


@dataclass(frozen=True, slots=True)
class Content:
    """What the copy is to hold: published options, and when the table last confirmed them.

    ``read_at`` is when they were first read, in nanoseconds since 1970.
    """

    options: Mapping[str, bytes]
    generation: int
    digest: str
    read_at: int
    confirmed: Moment


@dataclass(frozen=True, slots=True)
class Copy:
    """What was on disk."""

    reading: Reading
    generation: int
    confirmed: Moment


def pack_head(names: Names, content: Content) -> bytes:
    """Return the head of *content*, as a copy of the store *names*."""
    return packb(
        {
            "namespace": names.namespace,
            "store": names.store,
            "generation": content.generation,
            "digest": bytes.fromhex(content.digest),
            "read_at": content.read_at,
        }
    )


def pack_prefix(head_length: int, body_length: int, digest: bytes) -> bytes:
    """Return the prefix; *digest* is the SHA-256 of head and body."""
    return _PREFIX.pack(_MAGIC, _VERSION, head_length, body_length, digest)


def pack_record(moment: Moment) -> bytes:
    """Return the record that says *moment*."""
    fields = _RECORD.pack(moment.unix, moment.boottime, moment.boot)
    return (fields + _RECORD_CHECKSUM.pack(crc32(fields))).ljust(HEAD_AT - RECORD_AT, b"\0")


def body_chunks(options: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield the body in chunks of about 1 MiB, so that it is not in memory a second time."""
    pieces = body_of(options)
    start, size = 0, 0
    for end, piece in enumerate(pieces, 1):
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(pieces[start:end])
            start, size = end, 0
    yield b"".join(pieces[start:])


def parse_copy(raw: bytes, names: Names) -> Copy:
    """Return the copy in a file's bytes; ValueError says why it is not one of the store *names*."""
    if len(raw) < HEAD_AT:
        raise ValueError("it is cut short")
    magic, version, head_length, body_length, digest = _PREFIX.unpack_from(raw)
    if magic != _MAGIC:
        raise ValueError("it is no copy of a store")
    if version != _VERSION:
        raise ValueError(f"it is of version {version}, this release reads {_VERSION}")
    rest = memoryview(raw)[HEAD_AT:]
    if len(rest) != head_length + body_length or sha256(rest).digest() != digest:
        raise ValueError("it is damaged (its checksum does not match)")
    try:
        head = unpackb(rest[:head_length])
        whose = head["namespace"], head["store"]
        generation, read_at = head["generation"], head["read_at"]
        options = options_of(rest[head_length:])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is damaged ({type(error).__name__})") from None
    if whose != (names.namespace, names.store):
        raise ValueError(f"it is of another store, {whose[0]!r}/{whose[1]!r}")
    if not (_is_within(1, generation) and _is_within(0, read_at)):
        raise ValueError("it has an absurd generation or time")
    # A record that is damaged leaves the time of the first reading: older, not younger.
    confirmed = _parse_record(raw) or Moment(read_at, 0, bytes(16))
    return Copy(Reading(options, read_at, "disk"), generation, confirmed)


def _is_within(first: int, number: object) -> bool:
    return type(number) is int and first <= number < _LAST


def _parse_record(raw: bytes) -> Moment | None:
    """The moment in the record; None when it is damaged or absurd."""
    unix, boottime, boot = _RECORD.unpack_from(raw, RECORD_AT)
    (checksum,) = _RECORD_CHECKSUM.unpack_from(raw, RECORD_AT + _RECORD.size)
    if crc32(raw[RECORD_AT : RECORD_AT + _RECORD.size]) != checksum:
        return None
    if not (_is_within(0, unix) and _is_within(0, boottime)):
        return None
    return Moment(unix, boottime, boot)
