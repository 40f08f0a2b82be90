"""The daemon's memory: it rests nearly all the time, and others can use what it needs no more."""

from __future__ import annotations

import gc
from collections.abc import Callable

_trim: Callable[[int], object] | None
try:
    import ctypes

    _trim = ctypes.CDLL(None).malloc_trim
except (ImportError, OSError, MemoryError, AttributeError):
    # Only glibc has it; and an old libffi cannot be loaded under MemoryDenyWriteExecute=.
    _trim = None


def settle() -> None:
    """Let go of what only the start needed; to be called before the first poll.

    Making a client leaves cycles of many MB behind, and the collector would find them only when
    the first page has grown the heap past them.  What is left stays to the end: collections need
    not look at it again.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Return to the system what a poll has freed.

    malloc would keep DynamoDB's answer and the segment's body, MB of them, for the next poll.
    """
    if _trim is not None:
        _trim(0)
