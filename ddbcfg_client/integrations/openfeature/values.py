"""The value of a variant as the type that the caller requests: numbers are int or float."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeGuard


def is_number(value: object) -> TypeGuard[Any]:
    """Return whether a value is a number; a bool is none."""
    return isinstance(value, Decimal | int | float) and not isinstance(value, bool)


def native(value: object) -> Any:
    """Return a read-only copy with int and float; raise TypeError for what JSON does not have."""
    if isinstance(value, dict):
        return ReadOnlyDict((key, native(member)) for key, member in value.items())
    if isinstance(value, list):
        return ReadOnlyList(map(native, value))
    if value is None or isinstance(value, str | bool):
        return value
    number = _number(value)
    return int(number) if number == int(number) else float(number)


def _number(value: object) -> Any:
    if not is_number(value):
        raise TypeError
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise TypeError
    return int(number)


def _float(value: object) -> float:
    return float(_number(value))


def _object(value: object) -> Any:
    if not isinstance(value, dict | list):
        raise TypeError
    return native(value)


#: By type, a function that returns a value as that type; it raises TypeError.
CONVERSIONS: Mapping[str, Callable[[object], Any]] = {
    "boolean": _boolean,
    "string": _string,
    "integer": _integer,
    "float": _float,
    "object": _object,
}
