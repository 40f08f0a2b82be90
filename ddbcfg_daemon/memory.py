"""The daemon's memory: it rests nearly all the time, and others can use what it needs no more."""

from __future__ import annotations

import ctypes
import gc

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's only


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
