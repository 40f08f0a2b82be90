"""Read-only dict, list and set for values that the whole process shares.

They behave like the plain types for ``isinstance``, ``==``, ``json.dumps`` and all code that only
reads.  A copy, shallow or deep, and an unpickled value is a plain dict, list or set.

Every method that would change the value raises TypeError.  C code that changes a dict or a list
without calling its methods changes a copy that no method reads (see ``guarded``).  C code cannot
change the set.

``COMPILED`` says whether the compiled base classes are used.  They are not used if ``DDBCFG_PURE``
is set, and do not exist if there was no C compiler at installation.
"""

from __future__ import annotations

import os

from ddbcfg_client.readonly.refusing import refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, SupportsIndex

    from ddbcfg_client.readonly.guarded import GuardedDict, GuardedList

    COMPILED: bool
else:
    try:
        if os.environ.get("DDBCFG_PURE"):
            raise ImportError("DDBCFG_PURE is set")
        from ddbcfg_client._compiled import GuardedDict, GuardedList

        COMPILED = True
    except ImportError:
        from ddbcfg_client.readonly.guarded import GuardedDict, GuardedList

        COMPILED = False


class ReadOnlyDict(GuardedDict):
    """A dict that refuses mutation."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = refuse
    clear = pop = popitem = setdefault = update = refuse

    def __or__(self, other: Any) -> Any:
        return self.copy() | other if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return dict(other) | self.copy() if isinstance(other, dict) else NotImplemented

    __copy__ = GuardedDict.copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        from copy import deepcopy  # copy has called this, so it is already imported

        return {key: deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self.copy(),)


class ReadOnlyList(GuardedList):
    """A list that refuses mutation."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = refuse
    append = clear = extend = insert = refuse
    pop = remove = reverse = sort = refuse

    def __add__(self, other: Any) -> Any:
        return list(self) + list(other) if isinstance(other, list) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return list(other) + list(self) if isinstance(other, list) else NotImplemented

    def __mul__(self, times: SupportsIndex) -> list[Any]:
        return list(self) * times

    __rmul__ = __mul__

    def __reversed__(self) -> Iterator[Any]:
        return iter(list(self)[::-1])

    def index(self, value: Any, *between: SupportsIndex) -> int:
        """Return the first index of ``value``; raise ValueError if it is not in the list."""
        return list(self).index(value, *between)

    def count(self, value: Any) -> int:
        """Return the number of occurrences of ``value``."""
        return list(self).count(value)

    def copy(self) -> list[Any]:
        """Return a plain list of the same values."""
        return list(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        from copy import deepcopy

        return [deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class ReadOnlySet(frozenset["Any"]):
    """A frozenset that looks like a set to Python code; C code cannot change a frozenset."""

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class that ``isinstance`` uses."""
        return set

    __hash__ = None  # type: ignore[assignment]

    __ior__ = __iand__ = __isub__ = __ixor__ = refuse
    add = clear = discard = pop = remove = update = refuse
    difference_update = intersection_update = refuse
    symmetric_difference_update = refuse

    # Those of frozenset would return a frozenset.

    def __and__(self, other: Any) -> Any:
        return set(self) & other if isinstance(other, (set, frozenset)) else NotImplemented

    def __or__(self, other: Any) -> Any:
        return set(self) | other if isinstance(other, (set, frozenset)) else NotImplemented

    def __sub__(self, other: Any) -> Any:
        return set(self) - other if isinstance(other, (set, frozenset)) else NotImplemented

    def __xor__(self, other: Any) -> Any:
        return set(self) ^ other if isinstance(other, (set, frozenset)) else NotImplemented

    def intersection(self, *others: Iterable[Any]) -> Any:
        """Return a plain set of the elements common to all."""
        return set(self).intersection(*others)

    def union(self, *others: Iterable[Any]) -> Any:
        """Return a plain set of the elements of all."""
        return set(self).union(*others)

    def difference(self, *others: Iterable[Any]) -> Any:
        """Return a plain set of the elements that are not in the others."""
        return set(self).difference(*others)

    def symmetric_difference(self, other: Iterable[Any]) -> Any:
        """Return a plain set of the elements that are in exactly one of the two."""
        return set(self).symmetric_difference(other)

    def copy(self) -> Any:
        """Return a plain set of the same values."""
        return set(self)

    __copy__ = copy

    # The elements of a set are immutable, so they need no deep copy.
    def __deepcopy__(self, memo: dict[int, Any]) -> set[Any]:
        return set(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return set, (set(self),)

    # The repr of frozenset shows the class's name; those of dict and list do not.
    def __repr__(self) -> str:
        return repr(set(self))


def only(option: ReadOnlyDict, keys: Iterable[str] | None) -> ReadOnlyDict:
    """Return the option with only those of ``keys`` that it has; all of it if ``keys`` is None."""
    if keys is None:
        return option
    return ReadOnlyDict((key, option[key]) for key in keys if key in option)
