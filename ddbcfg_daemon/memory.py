"""Return unused memory to the system: the daemon sleeps most of the time and needs little."""

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
    # Only glibc has these, and an old libffi cannot be loaded under MemoryDenyWriteExecute=.
    _trim = _option = None

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in malloc.h
_LARGE = 1 << 20  # bytes


def settle() -> None:
    """Free the memory that only the start or the creation of a client needed.

    Creating a client leaves many MB in reference cycles.  By itself, the collector would run only
    after the first page has grown the heap beyond them.  The objects that remain live until the
    next client is created, so they are frozen: later collections skip them.
    """
    if _option is not None:
        # Allocate large blocks, such as the dict of a million options, with mmap: freeing them
        # returns their memory.  By default malloc raises the threshold after the first such block,
        # and then returns little of a thread's heap.
        _option(_MMAP_THRESHOLD, _LARGE)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    # The collector starts a full collection when the new objects exceed a quarter of those that
    # survived the last one.  None survives this one, so the next does not wait for 75,000 objects.
    gc.collect()


def give_back() -> None:
    """Return the memory that a poll has freed to the system.

    malloc would keep the memory of DynamoDB's response and of the segment's body, several MB.
    """
    if _trim is not None:
        _trim(0)
