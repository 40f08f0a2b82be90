"""The shared-memory layout: names, offsets, sizes, pack and parse.  No I/O.

Everything the daemon writes and a reader reads is laid out here and nowhere else; docs/format.md
says the same for readers in other languages, with a test vector.

Two kinds of objects, in native byte order, every word 8 bytes wide and 8-byte aligned:

- the *control page* (:mod:`.page`), one for each store: which generation is current, and how the
  daemon fares;
- the *snapshot segment* (:mod:`.segment`), one for each generation: header, index, body; never
  changed once its generation is announced.

Both begin with a magic and the layout version.  These, and the page's generation word, keep their
place and meaning in every layout to come, so that a reader of any age understands "retired" and
"not for me".

From layout 2 on the format is extended, not replaced: a header says its own size, what describes
content and daemon is a msgpack map whose unknown keys a reader skips, and unused words are zero.
"""

from __future__ import annotations

import struct

LAYOUT_VERSION = 2

NEVER = -(1 << 63)  # a time that is not known


def layout_of(head: bytes, magic: int) -> int | None:
    """Return the layout version in the first 16 bytes of an object; None without the magic."""
    if len(head) < 16:
        return None
    found, version = struct.unpack_from("=QQ", head)
    return version if found == magic else None
