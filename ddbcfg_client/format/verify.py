"""Checking a whole segment: for a publisher that takes over, and for tools.

A reader verifies only the bytes that it reads.
"""

from __future__ import annotations

from zlib import crc32

from ddbcfg_client.format.about import about_of
from ddbcfg_client.format.changes import changes_of
from ddbcfg_client.format.digest import digest_bytes, entry_digest
from ddbcfg_client.format.index import check_slots, entries, find
from ddbcfg_client.format.values import pack_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.format.segment import SegmentBytes


def verified(segment: SegmentBytes) -> dict[str, bytes]:
    """Verify every byte that a reader may use; return all options, name to packed keys.

    Raise ValueError if the segment is damaged.
    """
    header = segment.header
    if crc32(segment.read(header.body_at, header.body_size)) != header.body_checksum:
        raise ValueError("its body does not match its checksum")
    check_slots(segment, 0, header.slots)
    about_of(segment)
    changes_of(segment)
    options, total = {}, 0
    for option, raw in entries(segment):
        options[option] = raw
        total += entry_digest(pack_name(option), raw)
        if find(segment, option) is None:
            raise ValueError("its index does not lead to every option")
    if len(options) != header.options or digest_bytes(total) != header.digest:
        raise ValueError("its options do not match its digest")
    return options
