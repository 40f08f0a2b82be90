"""Lists of options as compressed bytes, for the revision item and the records.

They are packed and not attributes of DynamoDB. So a host uses the bytes in a log unchanged, an
option of any depth fits, and each number has one text.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from msgpack import packb, unpackb

from ddbcfg_client.dynamodb.revision.content import Entry

#: More than any record of this release unpacks to; this release did not write a larger one.
LARGEST = 16 * 1024 * 1024


#: Revision, option, and its packed keys since then, None if it was deleted.
LogEntry = tuple[int, str, bytes | None]


def pack_log(log: Sequence[LogEntry]) -> bytes:
    """Return the bytes of a log."""
    return zlib.compress(packb(log))


def unpack_log(raw: bytes) -> list[LogEntry]:
    """Return the entries that ``pack_log`` packed; ValueError for any other bytes."""
    return [(_number(rev), _name(name), _side(packed)) for rev, name, packed in _rows(raw)]


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """Return the bytes of a record: options with their packed keys before and after."""
    return zlib.compress(packb([tuple(entry) for entry in entries]))


def unpack_entries(raw: bytes) -> list[Entry]:
    """Return the entries that ``pack_entries`` packed; ValueError for any other bytes."""
    return [Entry(_name(name), _side(was), _side(now)) for name, was, now in _rows(raw)]


def _rows(raw: bytes) -> list[tuple[object, object, object]]:
    try:
        inflate = zlib.decompressobj()
        plain = inflate.decompress(raw, LARGEST)
        if not inflate.eof:
            raise ValueError("cut short, or too large")
        rows = unpackb(plain)
    except (zlib.error, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a list of options ({type(error).__name__})") from None
    if type(rows) is not list or any(type(row) is not list or len(row) != 3 for row in rows):
        raise ValueError("not a list of options")
    return [(first, second, third) for first, second, third in rows]


def _number(value: object) -> int:
    if type(value) is not int:
        raise ValueError("no revision")
    return value


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no name")
    return value


def _side(value: object) -> bytes | None:
    if value is not None and not isinstance(value, bytes):
        raise ValueError("not a packed option")
    return value
