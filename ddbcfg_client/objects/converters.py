"""Which library converts an option to a type.

A type of pydantic, msgspec or attrs is converted by its own library (attrs: by cattrs), also as a
member of a hint such as ``Name | None`` or as a field: another one would skip its converters.  Any
other dataclass, NamedTuple, TypedDict or type hint is converted by the first of pydantic, msgspec
and cattrs that is installed and takes it.  Everything else that can be called gets the option as
its argument.
"""

from __future__ import annotations

import dataclasses
import inspect
from importlib import import_module
from importlib.util import find_spec
from types import UnionType
from typing import NewType, get_args, get_origin, get_type_hints

from ddbcfg_client.errors import ArgumentsRefused, MissingExtra
from ddbcfg_client.objects.misfits import is_named_tuple, kind_of, name_of, refused_by_own_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ddbcfg_client.readonly import ReadOnlyDict

    Convert = Callable[[ReadOnlyDict], Any]

_MODULES = {"pydantic": "by_pydantic", "msgspec": "by_msgspec", "cattrs": "by_cattrs"}
_AT_MOST = 256

_known: dict[Any, Convert] = {}


def converter_to(target: Any) -> Convert:
    """Return the function that converts an option to ``target``; it raises Misfit.

    Raise MissingExtra if no installed library can do it, and ArgumentsRefused if ``target`` is
    nothing to convert to.
    """
    key = key_of(target)
    found = _known.get(key)
    if found is None:
        found = _new(_meant(target))
        if len(_known) >= _AT_MOST:  # functions that were made for one call each
            _known.clear()
        found = _known.setdefault(key, found)
    return found


class _Unhashable:
    """Stands for a target that cannot be a key of a dict."""

    __slots__ = ("_target",)

    def __init__(self, target: Any) -> None:
        self._target = target

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashable) and other._target is self._target

    def __hash__(self) -> int:
        return id(self._target)


def key_of(target: Any) -> Any:
    """Return what stands for ``target`` as a key of a dict."""
    key = target if isinstance(target, type) else _in_order(target)
    try:
        hash(key)
    except TypeError:
        return _Unhashable(target)
    return key


def _in_order(hint: Any) -> Any:
    """Return a key that differs if the members of a union are in another order.

    The first member that fits is taken, but Python calls such unions equal.
    """
    arguments = get_args(hint)
    return (hint, *map(_in_order, arguments)) if arguments else hint


def _meant(target: Any) -> Any:
    """Return the type that a NewType or an alias (``type Name = ...``) stands for."""
    while True:
        if isinstance(target, NewType):
            target = target.__supertype__
        elif type(target).__name__ == "TypeAliasType":  # of typing, or of typing_extensions
            target = target.__value__
        else:
            return target


def _new(target: Any) -> Convert:
    library = _own_library(target)
    if library is not None:
        if find_spec(library) is None:
            raise MissingExtra(f"a conversion to {name_of(target)}, by {library},", "typed")
        return _by(library, target)
    if not _is_hint(target):
        if not callable(target):
            raise ArgumentsRefused("get", f"cannot convert to {kind_of(target)}: as_ is no type")
        return _by_call(target)
    refused: Exception | None = None
    for library in _MODULES:
        if find_spec(library) is not None and not (library == "msgspec" and is_named_tuple(target)):
            try:  # msgspec takes only a list for a NamedTuple
                return _by(library, target)
            except Exception as error:  # noqa: BLE001 - each library has its own errors
                refused = error  # pydantic takes no typing.TypedDict before Python 3.12
    if refused is not None:
        raise refused
    raise MissingExtra(f"a conversion to {name_of(target)}", "typed")


def _by(library: str, target: Any) -> Convert:
    module = import_module(f"ddbcfg_client.objects.{_MODULES[library]}")
    convert: Convert = module.converter_to(target)
    return convert


def _own_library(target: Any, within: tuple[Any, ...] = ()) -> str | None:
    """Return the library that the type is of.

    For a hint, and a class that is of none, it is the only one that the members or fields are of.
    """
    library = _library_of_class(target)
    if library is not None or any(target is outer for outer in within):
        return library
    members = [*get_args(target), *_hints_of_fields(target)]
    of_members = {_own_library(_meant(each), (*within, target)) for each in members} - {None}
    return of_members.pop() if len(of_members) == 1 else None


def _hints_of_fields(target: Any) -> list[Any]:
    kind = get_origin(target) or target
    if not inspect.isclass(kind) or not _is_hint(kind):
        return []
    try:
        return [*get_type_hints(kind).values()]
    except Exception:  # noqa: BLE001 - of a local class, for example; the libraries say what it is
        return []


def _library_of_class(target: Any) -> str | None:
    kind = get_origin(target) or target
    if not isinstance(kind, type):
        return None
    if hasattr(kind, "__pydantic_core_schema__") or hasattr(kind, "__pydantic_validator__"):
        return "pydantic"
    if hasattr(kind, "__struct_fields__"):
        return "msgspec"
    return "cattrs" if hasattr(kind, "__attrs_attrs__") else None


def _is_hint(target: Any) -> bool:
    """Return whether it is a class with fields, or a type hint such as ``dict[str, int]``."""
    if isinstance(target, UnionType) or get_origin(target) is not None:
        return True
    if not inspect.isclass(target):
        return False
    # The TypedDict of typing, or that of typing_extensions.
    is_typed_dict = hasattr(target, "__required_keys__")
    return dataclasses.is_dataclass(target) or is_typed_dict or is_named_tuple(target)


def _by_call(target: Callable[[ReadOnlyDict], Any]) -> Convert:
    def convert(option: ReadOnlyDict) -> Any:
        try:
            return target(option)
        except Exception as error:  # noqa: BLE001 - whatever the program's own code raises
            misfit = refused_by_own_code(error, option)
        raise misfit

    return convert
