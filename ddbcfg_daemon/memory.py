"""The daemon's memory: it rests nearly all the time, and others can use what it needs no more."""

from __future__ import annotations

import gc
from collections.abc import Callable

_trim: Callable[[int], object] | None
_option: Callable[[int, int], object] | None
try:
    import ctypes

    _trim = ctypes.CDLL(None).malloc_trim
    _option = ctypes.CDLL(None).mallopt
except (ImportError, OSError, MemoryError, AttributeError):
    # Only glibc has it; and an old libffi cannot be loaded under MemoryDenyWriteExecute=.
    _trim = _option = None

_MMAP_THRESHOLD = -3  # of malloc.h
_LARGE = 1 << 20  # bytes


def settle() -> None:
    """Let go of what only the start or a new client needed.

    Making a client leaves cycles of many MB behind, and the collector would find them only when
    the first page has grown the heap past them.  What is left stays, until the next client is made:
    collections need not look at it again.
    """
    if _option is not None:
        # Large blocks, as the dict of a million options, are mapped, and gone when they are freed.
        # malloc would raise the limit after the first one, and give little back of a thread's heap.
        _option(_MMAP_THRESHOLD, _LARGE)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # A full collection waits until what is new is a quarter of what the last one found.  This one
    # finds nothing, so the next does not wait for 75,000 dead objects.
    gc.collect()


def give_back() -> None:
    """Return to the system what a poll has freed.

    malloc would keep DynamoDB's answer and the segment's body, MB of them, for the next poll.
    """
    if _trim is not None:
        _trim(0)
