"""Threads that read while another one replaces what they read: ``python -m support.replacing``.

That runs it under a thread sanitizer too, where nothing but Python itself is installed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from mmap import ACCESS_READ, mmap
from types import ModuleType
from typing import Any

from ddbcfg_client.format.page import GENERATION_WORD, PAGE_SIZE, RETIRED
from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList
from support.threads import running

_NEW_PAGE_EVERY = 7
_READERS = 3
_ROUNDS = 100  # of each reader, at least


class Page:
    """A page in a file in memory.  It is changed through the file, as if by another process."""

    def __init__(self, generation: int) -> None:
        self._file = os.memfd_create("page")
        os.ftruncate(self._file, PAGE_SIZE)
        self.announce(generation)
        self.words = memoryview(mmap(self._file, PAGE_SIZE, access=ACCESS_READ)).cast("Q")

    def announce(self, generation: int) -> None:
        """Store the generation."""
        os.pwrite(self._file, generation.to_bytes(8, sys.byteorder), 8 * GENERATION_WORD)

    def retire(self) -> None:
        """Announce that there is another page."""
        self.announce(RETIRED)
        os.close(self._file)


def number_of(keys: Any) -> list[int]:
    """Convert an option; the object is a new one each time."""
    return [keys["number"]]


class Replaced:
    """A reader, an object bound to it and a snapshot, of which a thread makes newer ones.

    The modules have the classes: ``hot``, ``hot_bound`` and ``hot_pinned``, or the compiled one.
    """

    def __init__(self, hot: ModuleType, hot_bound: ModuleType, hot_pinned: ModuleType) -> None:
        class Reader(hot.Hot):  # type: ignore[name-defined,misc]
            __slots__ = ()

            def _lookup(self, option: str) -> Any:
                # As a snapshot does: the first of several threads decodes an option for all.
                _, generation, decoded, _, _ = self._view
                value = ReadOnlyDict({"number": generation, "list": ReadOnlyList([generation])})
                return decoded.setdefault(option, value)

            _missing = _lookup

            def _get(self, option: str, *_: Any, as_: Any = None, **__: Any) -> Any:
                return self._lookup(option) if as_ is None else as_(self._lookup(option))

        class Bound(hot_bound.HotBound):  # type: ignore[name-defined,misc]
            __slots__ = ()

            def _slowly(bound) -> Any:  # noqa: N805 - of the reader outside
                _, generation, decoded, _, _ = self.reader._view
                made = [generation]
                bound._held = (self.reader, decoded, None, os.getpid(), made)
                return made

        class Pinned(hot_pinned.HotPinned):  # type: ignore[name-defined,misc]
            __slots__ = ()

            def _read(self, option: str) -> Any:
                return self.decoded.setdefault(option, {})

        self.generation = 1
        self._page = Page(1)
        self.reader = Reader()
        self._take_up()
        self._bound = Bound()
        self._bound._slowly()
        self._pinned = Pinned()
        self._pinned.decoded = {}
        #: One line for each read that returned something older than the one before.
        self.failures: list[str] = []
        self._readers: list[int] = []  # one entry for each that has read

    def _take_up(self) -> None:
        until = time.monotonic() + 3600
        self.reader._view = (self._page.words, self.generation, {}, until, None)

    def is_read(self) -> bool:
        """Return whether all threads have read, or one has failed."""
        return len(self._readers) == _READERS or bool(self.failures)

    def replace(self) -> None:
        """Publish the next generation, now and then on another page, and take it up."""
        self.generation += 1
        if self.generation % _NEW_PAGE_EVERY == 0:
            old, self._page = self._page, Page(self.generation)
            self._take_up()
            old.retire()
        else:
            self._page.announce(self.generation)
            self._take_up()
        words, generation, decoded, until, attachment = self.reader._view
        self.reader._view = (words, generation, decoded, until + 1, attachment)
        self._pinned.decoded = {}

    def close(self) -> None:
        """Close the file of the last page."""
        self._page.retire()

    def ways(self) -> dict[str, Callable[[], int]]:
        """Return the ways to read, each of which returns a generation."""
        reader = self.reader
        return {
            "[]": lambda: reader["db"]["number"],
            "get": lambda: reader.get("db")["list"][0],
            "attribute": lambda: reader.db["number"],
            "as_": lambda: reader.get("db", as_=number_of)[0],
            "bound": lambda: self._bound()[0],
        }

    def read(self, stop: threading.Event) -> None:
        """Read in each way until *stop*; remember what went back."""
        ways = self.ways()
        newest = rounds = 0
        try:
            while not stop.is_set():
                for way, read in ways.items():
                    number = read()
                    if number < newest:
                        self.failures.append(f"{way}: {number} after {newest}")
                    newest = number
                assert self._pinned["db"] == {}
                rounds += 1
                if rounds == _ROUNDS:
                    self._readers.append(rounds)
        except BaseException as error:
            self.failures.append(repr(error))
            raise


def replace_while_threads_read(replaced: Replaced, times: int) -> None:
    """Replace what three threads read, so many times at least."""
    try:
        with running(*[replaced.read] * _READERS):
            while times > 0 or not replaced.is_read():
                replaced.replace()
                times -= 1
    finally:
        replaced.close()
    assert not replaced.failures


def main(times: str) -> None:
    """Run it with the compiled classes, which must have left the GIL off."""
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]

    assert not sys._is_gil_enabled()  # type: ignore[attr-defined]
    replace_while_threads_read(Replaced(_compiled, _compiled, _compiled), int(times))
    print(f"{times} times: nothing went back")


if __name__ == "__main__":
    main(*sys.argv[1:])
