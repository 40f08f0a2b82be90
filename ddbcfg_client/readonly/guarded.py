"""A dict and a list whose content C code cannot change.

CPython and other C code can change a dict or a list without calling its methods: ``eval`` puts
``__builtins__`` into its globals, ``obj.__dict__ = option`` stores attributes there, and ``heapq``
sorts in place.  No method can refuse that.  So these classes hold their content twice.  C code
accesses one copy, and every method reads the other one, which is private.

This is the reference.  ``_guarded.c`` is the compiled equivalent.
"""

from __future__ import annotations

from ddbcfg_client.readonly.refusing import refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_keys, dict_values
    from collections.abc import Iterable, Iterator
    from typing import Any


class GuardedDict(dict[str, "Any"]):
    """A dict whose methods do not read what C code can change."""

    __slots__ = ("_content",)

    _content: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if getattr(self, "_content", None) is not None:
            refuse(self)
        content: dict[str, Any] = dict(*args, **kwargs)
        super().__init__(content)
        self._content = content

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the value of ``key``, or ``default``."""
        return self._content.get(key, default)

    def __len__(self) -> int:
        return len(self._content)

    def __contains__(self, key: object) -> bool:
        return key in self._content

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._content)

    def keys(self) -> dict_keys[str, Any]:
        """Return a view of the keys."""
        return self._content.keys()

    def values(self) -> dict_values[str, Any]:
        """Return a view of the values."""
        return self._content.values()

    def items(self) -> dict_items[str, Any]:
        """Return a view of the keys and their values."""
        return self._content.items()

    def copy(self) -> dict[str, Any]:
        """Return a plain dict of the same values."""
        return self._content.copy()

    def __repr__(self) -> str:
        return repr(self._content)

    # The private content is never passed to another object's comparison.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, dict):
            return NotImplemented
        return self._content == (other._content if isinstance(other, GuardedDict) else other)

    def __ne__(self, other: object) -> bool:
        return NotImplemented if not isinstance(other, dict) else not self == other

    __hash__ = None


class GuardedList(list["Any"]):
    """A list whose methods do not read what C code can change."""

    __slots__ = ("_content",)

    _content: tuple[Any, ...]

    def __init__(self, values: Iterable[Any] = (), /) -> None:
        if getattr(self, "_content", None) is not None:
            refuse(self)
        content = tuple(values)
        super().__init__(content)
        self._content = content

    def __getitem__(self, index: Any) -> Any:
        found = self._content[index]
        return list(found) if isinstance(index, slice) else found

    def __len__(self) -> int:
        return len(self._content)

    def __contains__(self, value: object) -> bool:
        return value in self._content

    def __iter__(self) -> Iterator[Any]:
        return iter(self._content)

    def __repr__(self) -> str:
        return repr(list(self._content))

    # Tuples compare like lists.

    def __eq__(self, other: object) -> bool:
        return self._content == _content_of(other) if isinstance(other, list) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return self._content != _content_of(other) if isinstance(other, list) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self._content < _content_of(other) if isinstance(other, list) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self._content <= _content_of(other) if isinstance(other, list) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self._content > _content_of(other) if isinstance(other, list) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self._content >= _content_of(other) if isinstance(other, list) else NotImplemented

    __hash__ = None


def _content_of(other: list[Any]) -> tuple[Any, ...]:
    return other._content if isinstance(other, GuardedList) else tuple(other)
