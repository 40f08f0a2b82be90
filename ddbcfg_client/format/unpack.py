"""msgpack bytes to Python values.

The compiled reader does it itself (``_unpack.c``), because importing msgpack would be a quarter of
its own import: msgpack imports datetime, also for those who use only its compiled part.  Without
it, msgpack does it.  All packing uses msgpack.
"""

from __future__ import annotations

from ddbcfg_client.readonly import COMPILED

# Levels of maps and lists.  DynamoDB allows 32 in a value.  Many more could overflow a small stack:
# a program can choose 32 KiB for its threads, and the default of musl is 128 KiB.
DEEPEST = 64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    FromExt = Callable[[int, bytes], object]

    def unpack(
        raw: bytes,
        from_ext: FromExt | None = None,
        of_map: Callable[[dict[Any, Any]], object] | None = None,
        of_list: Callable[[list[Any]], object] | None = None,
        /,
    ) -> Any:
        """Return the value in ``raw``; raise ValueError if it is not exactly one msgpack value.

        ``from_ext`` gets the code and the bytes of each extension, ``of_map`` each dict and
        ``of_list`` each list; what they return takes its place.  Without ``from_ext``, an extension
        is a tuple of code and bytes.  A time, which is msgpack's own extension, is refused.
        """
elif COMPILED:
    from ddbcfg_client._compiled import unpack
else:
    from msgpack import ExtType, Timestamp, unpackb

    def unpack(raw, from_ext=None, of_map=None, of_list=None, /):
        """Return the same by msgpack."""
        found = unpackb(raw, ext_hook=from_ext or ExtType, object_hook=of_map, list_hook=of_list)
        level = [found]
        for _ in range(DEEPEST + 1):
            if any(type(value) is Timestamp for value in level):
                raise ValueError("it has a time")
            level = [
                inner
                for outer in level
                if isinstance(outer, (dict, list))
                for inner in (outer.values() if isinstance(outer, dict) else outer)
            ]
            if not level:
                return found
        raise ValueError("it is nested too deeply")


__all__ = ["DEEPEST", "unpack"]
