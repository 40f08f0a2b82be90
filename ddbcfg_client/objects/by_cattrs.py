"""Conversion by cattrs: attrs classes, and dataclasses and TypedDicts without another library.

cattrs itself converts whatever Python's ``int()`` and ``str()`` take, 2.5 to 2 for example.  Here
each type takes only values that it can hold.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cattrs import Converter
from cattrs.cols import (
    homogenous_tuple_structure_factory,
    is_any_set,
    is_frozenset,
    is_sequence,
    list_structure_factory,
    namedtuple_dict_structure_factory,
)
from cattrs.errors import (
    BaseValidationError,
    ForbiddenExtraKeysError,
    StructureHandlerNotFoundError,
)

from ddbcfg_client.objects.misfits import (
    ABSENT,
    Misfit,
    accepted_by_checks,
    is_named_tuple,
    kind_at,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddbcfg_client.readonly import ReadOnlyDict


_SCALARS = (int, float, str, bool, bytes, Decimal)


def converter_to(target: Any) -> Callable[[ReadOnlyDict], Any]:
    """Return a function that converts an option; it raises Misfit."""
    converter = _strict()
    if is_named_tuple(target):  # elsewhere a list is for one, as in the other libraries
        hook = namedtuple_dict_structure_factory(target, converter, True, True)  # no other keys
        converter.register_structure_hook_func(lambda kind: kind is target, hook)
    converter.get_structure_hook(target)  # raises here for a type that cattrs does not take

    def convert(option: ReadOnlyDict) -> Any:
        try:
            return converter.structure(option, target)
        except StructureHandlerNotFoundError:
            raise  # the type, whatever the value is
        except Exception as error:  # noqa: BLE001 - also what the program's own checks raise
            misfit = _of(error, [], option)
        raise misfit

    return convert


def _strict() -> Converter:
    converter = Converter(detailed_validation=True)
    for kind in _SCALARS:
        converter.register_structure_hook(kind, _exactly)

    def of_container(factory: Callable[..., Any]) -> Callable[[Any, Converter], Any]:
        def hook_for(kind: Any, converter: Converter) -> Any:
            hook = factory(kind, converter)

            def structure(value: Any, kind: Any) -> Any:
                if not isinstance(value, list | set | tuple):
                    raise Misfit([], "list", kind_of(value))
                return hook(value, kind)

            return structure

        return hook_for

    def is_homogenous(kind: Any) -> bool:
        arguments = getattr(kind, "__args__", ())
        return getattr(kind, "__origin__", None) is tuple and arguments[-1:] == (...,)

    converter.register_structure_hook_factory(is_sequence, of_container(list_structure_factory))
    tuples = of_container(homogenous_tuple_structure_factory)
    converter.register_structure_hook_factory(is_homogenous, tuples)
    converter.register_structure_hook_factory(is_any_set, of_container(_set_hook))
    return converter


def _set_hook(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    (member,) = getattr(kind, "__args__", ()) or (Any,)
    hook = converter.get_structure_hook(member)
    whole = frozenset if is_frozenset(kind) else set
    return lambda value, _: whole(hook(each, member) for each in value)


def _exactly(value: Any, kind: Any) -> Any:
    if kind not in _SCALARS:  # a subclass, such as an IntEnum
        return kind(value)
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if kind is int and number and value == int(value):
        return int(value)
    if kind is float and number:
        return float(value)
    if kind is Decimal and number:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    if kind in (str, bool, bytes) and isinstance(value, kind):
        return value
    raise Misfit([], kind.__name__, kind_of(value))


def _of(error: BaseException, steps: list[str | int], option: Any) -> Misfit:
    if isinstance(error, BaseValidationError):
        return _of_group(error, steps, option)
    if isinstance(error, Misfit):
        return Misfit([*steps, *error.steps], error.expected, error.found)
    if isinstance(error, ForbiddenExtraKeysError):
        extra = sorted(error.extra_fields)[0]
        return Misfit([*steps, extra], "no such key", kind_at(option, [*steps, extra]))
    found = kind_at(option, steps)
    if found == ABSENT:
        parent = kind_at(option, steps[:-1])
        if parent != "dict":
            return Misfit(steps[:-1], "dict", parent)
        return Misfit(steps, "a value", ABSENT)
    return Misfit(steps, accepted_by_checks(error), found)


def _of_group(error: BaseValidationError, steps: list[str | int], option: Any) -> Misfit:
    first: Any = error.exceptions[0]
    for note in getattr(first, "__notes__", ()):
        step = getattr(note, "name", None) or getattr(note, "index", None)
        if isinstance(step, str | int):
            steps = [*steps, step]
    return _of(first, steps, option)
