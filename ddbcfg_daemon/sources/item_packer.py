"""Pack the items of a store as options; items that did not change keep the bytes of the last poll.

What is kept from poll to poll is only a cache.  An item is recognized by the SHA-256 of all its
attributes, including the table's two keys, so any change makes it another item.  An item that is
not recognized is checked and packed as in the first poll.

Items come in the order of their names, so the last reading and the new one are compared in
parallel.  This needs no second dict, which would take a hundred MB for a million options, and no
object for each mark, which would take as much again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import compress, count
from operator import is_not
from typing import Any

from msgpack import packb

from ddbcfg_client.dynamodb.items import packed_keys
from ddbcfg_client.dynamodb.table import Table

Item = dict[str, Any]

_MARK_SIZE = 32
_UNMARKED = bytes(_MARK_SIZE)  # for an invalid item, which cannot be hashed; never recognized


@dataclass(frozen=True, slots=True)
class _Known:
    """The result of the last complete reading: the n-th mark belongs to the n-th option."""

    options: dict[str, bytes]
    marks: bytes | bytearray


class _Walk:
    """Iterates once over the known options, in their order."""

    def __init__(self, known: _Known) -> None:
        self._options = iter(known.options.items())
        self._marks = known.marks
        self._at = -_MARK_SIZE
        self._next: tuple[str, bytes] | None = None
        self._advance()

    def _advance(self) -> None:
        self._next = next(self._options, None)
        self._at += _MARK_SIZE

    def find(self, name: str) -> tuple[str, bytes, bytes | bytearray] | None:
        """Return name, packed keys and mark of the option ``name``; None if it is not known.

        Skips the options that sort before it: they were deleted, or they come in another order and
        are packed again.
        """
        while self._next is not None and self._next[0] < name:
            self._advance()
        if self._next is None or self._next[0] != name:
            return None
        found = (*self._next, self._marks[self._at : self._at + _MARK_SIZE])
        self._advance()
        return found


# The mark of an item, and the option it became: its name and its packed keys.
_Option = tuple[bytes, str, bytes]


class ItemPacker:
    """Packs the items of ``store`` at each poll.

    ``table`` checks the items; a reconnect replaces it.
    """

    def __init__(self, table: Table, store: str) -> None:
        self.table = table
        self._store = store
        self._known = _Known({}, b"")

    def pack(self, pages: Iterable[list[Item]]) -> tuple[dict[str, bytes], list[str]]:
        """Return the options in ``pages``, name to packed keys, and a list of the skipped items.

        An item is skipped if its option name is not a string; the list has the value that it has
        instead.  If nothing changed, the dict is the one of the last reading.  Clears each page.
        Raise ResponseMalformed, MalformedValue and what ``pages`` raises.
        """
        known = self._known
        walk = _Walk(known)
        options: dict[str, bytes] = {}
        marks = bytearray()
        skipped: list[str] = []
        same = True
        for page in pages:
            for is_known, (mark, name, packed) in self._options_of(page, walk, skipped):
                options[name] = packed
                marks += mark
                same = same and is_known
            page.clear()  # frees the items before the next page is read
        if same and len(options) == len(known.options):
            if len(marks) == len(known.marks):
                self._known = _Known(known.options, marks)
            return known.options, skipped
        # Only now: a reading that failed has not seen all items.
        if len(marks) == _MARK_SIZE * len(options):
            self._known = _Known(options, marks)
        else:  # two items with the same name, which no table can contain
            self._known = _Known({}, b"")
        return options, skipped

    def adopt(self, options: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Make ``options`` the last reading, and return them in the order of their names.

        The next reading keeps their objects.  Options that are new here have no mark yet.
        """
        known = self._known
        if options is known.options:
            return options
        if len(options) == len(known.options) and list(options) == list(known.options):
            ordered = options if isinstance(options, dict) else dict(options)
            marks = bytearray(known.marks)
            for ordinal in compress(count(), map(is_not, ordered.values(), known.options.values())):
                marks[ordinal * _MARK_SIZE : (ordinal + 1) * _MARK_SIZE] = _UNMARKED
        else:
            places = {name: at for at, name in enumerate(known.options)}
            ordered = {name: options[name] for name in sorted(options)}
            marks = bytearray()
            for name, packed in ordered.items():
                at = places.get(name, -1) * _MARK_SIZE
                kept = known.options.get(name) is packed
                marks += known.marks[at : at + _MARK_SIZE] if kept else _UNMARKED
        self._known = _Known(ordered, marks)
        return ordered

    def _options_of(
        self, page: list[Item], walk: _Walk, skipped: list[str]
    ) -> Iterator[tuple[bool, _Option]]:
        """Yield each option of ``page``, and whether the last reading had the same."""
        # For a known option, use the existing objects instead of the equal ones of this page.
        # Otherwise objects that stay would lie between those that are freed, and the memory could
        # not be returned to the system.
        names: list[str | None] = []
        marked: list[tuple[bytes, bytes | None, bytes | None]] = []
        key_names = self.table.key_names
        for item in page:
            name, mark, packed, old = key_names.name_in(item), _mark_of(item), None, None
            found = None if name is None else walk.find(name)
            if found is not None:
                name, old = found[:2]
                packed = old if found[2] == mark else None
            names.append(name)
            marked.append((mark, packed, old))
        new = [item for item, (_, packed, _) in zip(page, marked, strict=True) if packed is None]
        self.table.check_items(self._store, new)
        for item, name, (mark, packed, old) in zip(page, names, marked, strict=True):
            if name is None:
                skipped.append(repr(item[key_names.option]))
            elif packed is not None:
                yield True, (mark, name, packed)
            else:
                new_keys = packed_keys(key_names, name, item)
                if old is not None and new_keys == old:
                    yield True, (mark, name, old)  # keep the object that is published
                else:
                    yield False, (mark, name, new_keys)


def _mark_of(item: Any) -> bytes:
    try:
        return sha256(packb(item)).digest()
    except (ValueError, TypeError, OverflowError):
        return _UNMARKED  # packing the item as an option will raise the right error
