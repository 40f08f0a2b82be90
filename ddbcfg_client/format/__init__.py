"""The shared-memory layout: names, offsets, sizes, packing and parsing.  No I/O.

The layout of everything that the daemon writes and a reader reads is defined only here.
docs/format.md describes it for readers in other languages, with a test vector.

There are two kinds of objects, in native byte order, with 8-byte words that are 8-byte aligned:

- the *control page* (``page``), one for each store: the current generation and the status of
  the daemon;
- the *snapshot segment* (``segment``), one for each generation: header, index, body; never
  changed once its generation is announced.

Both begin with a magic and the layout version.  These two and the page's generation word keep their
place and meaning in every future layout.  So a reader of any release recognizes a retired page and
a layout that it does not know.

Since layout 2 the format is extended, not replaced: a header contains its own size, the
descriptions of content and daemon are msgpack maps whose unknown keys a reader skips, and unused
words are zero.
"""

from __future__ import annotations

import sys

LAYOUT_VERSION = 2

NEVER = -(1 << 63)  # stands for an unknown time


def layout_of(head: bytes, magic: int) -> int | None:
    """Return the layout version in the first 16 bytes of an object; None without the magic."""
    if len(head) < 16:
        return None
    if int.from_bytes(head[:8], sys.byteorder) != magic:
        return None
    return int.from_bytes(head[8:16], sys.byteorder)
