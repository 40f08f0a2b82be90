"""Which process this is, noticed without a hook: uWSGI and C code may fork past those of Python.

A word in a separate page is zero in a forked child, because the kernel wipes the page
(MADV_WIPEONFORK).  Each process puts another number into it.  Where the kernel cannot do that, the
pid says which process this is; reading it takes a system call.
"""

from __future__ import annotations

import mmap
import os
import sys

_MADV_WIPEONFORK = 18  # Linux 4.14 and later; the module mmap has no name for it


def _wiped_word() -> memoryview | None:
    """Return a word that a fork sets to zero; None if this kernel has no such pages."""
    if not sys.platform.startswith("linux"):
        return None
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        page.madvise(_MADV_WIPEONFORK)
    except (OSError, ValueError):
        return None
    return memoryview(page).cast("Q")[:1]


class _Process:
    """The number of this process, in a word that a fork sets to zero."""

    __slots__ = ("_last", "_next", "word")

    def __init__(self, word: memoryview | None) -> None:
        self.word = word
        self._last = 1  # the number of this process, or just after a fork that of its parent
        self._next: dict[int, int] = {}  # by the number of the parent, that of the child
        if word is not None:
            word[0] = self._last

    def number(self) -> int:
        """Return the number of this process: another one after each fork, and never 0."""
        if self.word is None:
            return os.getpid()
        # In this order: once another thread of a new child has set `_last`, the word is set too.
        last = self._last
        number = self.word[0]
        if not number:
            # All threads get the same number here, whichever comes first.
            number = self._next.setdefault(last, last + 1)
            self.word[0] = number
            self._last = number
        return number


_PROCESS = _Process(_wiped_word())

#: The word, for hot paths; its value is the number of this process, or 0 just after a fork.
WORD = _PROCESS.word

#: Return the number of this process: another one after each fork, and never 0.
process = _PROCESS.number
