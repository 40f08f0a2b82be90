"""A store's items become packed options; what has not changed since the last poll keeps its bytes.

Nothing but speed depends on what is kept from poll to poll.  An item is known again by the SHA-256
of all its attributes, the table's two keys included: whatever changes in it makes it another item,
and what is not known is checked and packed as if there had been no poll before.

Items come in the order of their names, so the last reading is walked through beside the new one.
That takes no second dict: at a million options it would be a hundred MB, and an object for each
mark as much again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from msgpack import packb

from ddbcfg_client.dynamodb.items import packed_keys
from ddbcfg_client.dynamodb.table import Table

Item = dict[str, Any]

_MARK_SIZE = 32
_UNMARKED = bytes(_MARK_SIZE)  # of an item that holds what no item can hold; never known again


@dataclass(frozen=True, slots=True)
class _Known:
    """What the last whole reading found: the n-th mark is that of the n-th option."""

    options: dict[str, bytes]
    marks: bytes | bytearray


class _Walk:
    """Goes once through what is known, in its order."""

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
        """Return name, packed keys and mark of the option *name* if it comes next.

        Options before it are gone from the store, or come in another order: then they are packed
        again.
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
    """Packs the items of *store*, poll after poll.

    ``table`` checks the items; after a reconnect it is another object.
    """

    def __init__(self, table: Table, store: str) -> None:
        self.table = table
        self._store = store
        self._known = _Known({}, b"")

    def pack(self, pages: Iterable[list[Item]]) -> tuple[dict[str, bytes], list[str]]:
        """The options in *pages*, name to packed keys; and in place of its name what is no option.

        The dict is that of the reading before if nothing has changed.  Empties each page.  Raises
        AnswerMalformed, MalformedValue and what *pages* raises.
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
            page.clear()  # before the next one comes
        if same and len(options) == len(known.options):
            return known.options, skipped
        # Whole, and only now: what a reading found that failed is not all there is.
        if len(marks) == _MARK_SIZE * len(options):
            self._known = _Known(options, marks)
        else:  # two items of one name, which no table holds
            self._known = _Known({}, b"")
        return options, skipped

    def _options_of(
        self, page: list[Item], walk: _Walk, skipped: list[str]
    ) -> Iterator[tuple[bool, _Option]]:
        """Yield each option of *page*, and whether it is one of the last reading."""
        # Of a known option the objects that are there already, not the equal ones of this page:
        # nothing that stays may lie among what goes, or its memory could not be given back.
        names: list[str | None] = []
        marked: list[tuple[bytes, bytes | None]] = []
        key_names = self.table.key_names
        for item in page:
            name, mark, packed = key_names.name_in(item), _mark_of(item), None
            found = None if name is None else walk.find(name)
            if found is not None:
                name = found[0]
                packed = found[1] if found[2] == mark else None
            names.append(name)
            marked.append((mark, packed))
        new = [item for item, (_, packed) in zip(page, marked, strict=True) if packed is None]
        self.table.check_items(self._store, new)
        for item, name, (mark, packed) in zip(page, names, marked, strict=True):
            if name is None:
                skipped.append(repr(item[key_names.option]))
            elif packed is not None:
                yield True, (mark, name, packed)
            else:
                yield False, (mark, name, packed_keys(key_names, name, item))


def _mark_of(item: Any) -> bytes:
    try:
        return sha256(packb(item)).digest()
    except (ValueError, TypeError, OverflowError):
        return _UNMARKED  # packing it as an option will say what is wrong with it
