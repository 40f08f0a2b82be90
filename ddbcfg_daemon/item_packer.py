"""A store's items become packed options; what has not changed since the last poll keeps its bytes.

Nothing but speed depends on what is kept from poll to poll.  An item is known again by the SHA-256
of all its attributes, the table's two keys included: whatever changes in it makes it another item,
and what is not known is checked and packed as if there had been no poll before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from msgpack import packb

from ddbcfg_client.codec import pack_option
from ddbcfg_client.dynamodb.table import Table

Item = dict[str, Any]

# The mark of an item, and the option it became: its name and its packed keys.  A plain tuple, which
# the garbage collector passes over; objects it would look at, one more for each option.
_Option = tuple[bytes, str, bytes]

_UNMARKED = b""  # of an item that holds what no item can hold; never known again


class ItemPacker:
    """Packs the items of *store*, poll after poll.

    ``table`` checks the items; after a reconnect it is another object.
    """

    def __init__(self, table: Table, store: str) -> None:
        self.table = table
        self._store = store
        self._keys = (table.store_key, table.option_key)
        self._known: dict[bytes, _Option] = {}  # what the last whole reading found, by its marks

    def pack(self, pages: Iterable[list[Item]]) -> tuple[dict[str, bytes], list[str]]:
        """The options in *pages*, name to packed keys; and in place of its name what is no option.

        Empties each page.  Raises AnswerMalformed, MalformedValue and what *pages* raises.
        """
        found: dict[bytes, _Option] = {}
        options: dict[str, bytes] = {}
        skipped: list[str] = []
        for page in pages:
            for option in self._options_of(page, skipped):
                # The objects that are known, not the equal ones of this page: nothing that stays
                # may lie among what goes, or its memory could not be given back.
                mark, name, packed = option
                options[name] = packed
                if mark is not _UNMARKED:
                    found[mark] = option
            page.clear()  # before the next one comes
        # Whole, and only now: what a reading found that failed is not all there is.
        self._known = found
        return options, skipped

    def _options_of(self, page: list[Item], skipped: list[str]) -> Iterator[_Option]:
        marks = self._marks_of(page)
        new = [item for item, mark in zip(page, marks, strict=True) if mark not in self._known]
        self.table.check_items(self._store, new)
        for item, mark in zip(page, marks, strict=True):
            option = self._known.get(mark) or self._pack(mark, item)
            if option is None:
                skipped.append(repr(item[self.table.option_key]))
            else:
                yield option

    def _marks_of(self, page: list[Item]) -> list[bytes]:
        marks = []
        for item in page:
            try:
                marks.append(sha256(packb(item)).digest())
            except (ValueError, TypeError, OverflowError):
                marks.append(_UNMARKED)  # packing it as an option will say what is wrong with it
        return marks

    def _pack(self, mark: bytes, item: Item) -> _Option | None:
        """The option in *item*; None when its name is no string."""
        name = item[self.table.option_key].get("S")
        if not isinstance(name, str):
            return None
        keys = {key: value for key, value in item.items() if key not in self._keys}
        return mark, name, pack_option(name, keys)
