"""Values that all callers of a process share: a dict, a list and a set that refuse to change.

They are subclasses, so ``isinstance``, ``==``, ``json.dumps`` and all that only reads goes on
working.  A copy, shallow or deep, and what comes out of a pickle, is a plain dict, list or set.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NoReturn


def _refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    plain = type(self).__mro__[1].__name__
    raise TypeError(
        f"this {plain} is configuration that the whole process shares and cannot be changed: "
        f"change a copy, {plain}(value)"
    )


class ReadOnlyDict(dict[str, "Any"]):
    """A dict that refuses mutation."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def copy(self) -> dict[str, Any]:
        """A plain dict of the same values."""
        return dict(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        from copy import deepcopy  # it is there when this is called; not each reader needs it

        return {key: deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class ReadOnlyList(list["Any"]):
    """A list that refuses mutation."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = _refuse
    pop = remove = reverse = sort = _refuse

    def copy(self) -> list[Any]:
        """A plain list of the same values."""
        return list(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        from copy import deepcopy

        return [deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class ReadOnlySet(set["Any"]):
    """A set that refuses mutation."""

    __slots__ = ()

    __ior__ = __iand__ = __isub__ = __ixor__ = _refuse
    add = clear = discard = pop = remove = update = _refuse
    difference_update = intersection_update = _refuse
    symmetric_difference_update = _refuse

    def copy(self) -> set[Any]:
        """A plain set of the same values."""
        return set(self)

    __copy__ = copy

    # What is in a set cannot be changed in place, so there is nothing to copy deeper.
    def __deepcopy__(self, memo: dict[int, Any]) -> set[Any]:
        return set(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return set, (set(self),)

    # set's own repr would show the class's name where a dict's and a list's do not.
    def __repr__(self) -> str:
        return repr(set(self))


def only(option: ReadOnlyDict, keys: Iterable[str] | None) -> ReadOnlyDict:
    """The option with only those *keys* that it has; all of it for None."""
    if keys is None:
        return option
    return ReadOnlyDict((key, option[key]) for key in keys if key in option)
