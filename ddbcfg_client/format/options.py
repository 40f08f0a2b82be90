"""The options of a snapshot, from their msgpack bytes to Python values.

The types are in the table of ``values``.  ``unpack_native`` returns int for integral numbers, and
float for others, in place of Decimal.
"""

from __future__ import annotations

# Imported here and not at the first number: a child forked during an import could deadlock.
from decimal import Decimal

from ddbcfg_client.format.numbers import native_number, native_numbers
from ddbcfg_client.format.unpack import unpack
from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList, ReadOnlySet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Codes of msgpack's extensions.
NUMBER = 1
STRING_SET = 2
NUMBER_SET = 3
BINARY_SET = 4


def _from_ext(code: int, data: bytes) -> object:
    if code == NUMBER:
        return _decimal(data.decode("ascii"))
    elements = _elements(code, data)
    return ReadOnlySet(map(_decimal, elements) if code == NUMBER_SET else elements)


def _native_from_ext(code: int, data: bytes) -> object:
    if code == NUMBER:
        return native_number(data.decode("ascii"))
    elements = _elements(code, data)
    return ReadOnlySet(native_numbers(elements) if code == NUMBER_SET else elements)


def _elements(code: int, data: bytes) -> list[Any]:
    """Return the elements of a packed set."""
    elements = unpack(data)
    if not isinstance(elements, list):
        raise ValueError("a set that is not an array")
    wanted = bytes if code == BINARY_SET else str
    if not all(type(element) is wanted for element in elements):
        raise ValueError("a set of the wrong elements")
    if code not in (STRING_SET, NUMBER_SET, BINARY_SET):
        raise ValueError(f"an unknown extension type ({code})")
    return elements


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number


def unpack_option(raw: bytes) -> ReadOnlyDict:
    """Return the option that ``pack_option`` packed; raise ValueError for other bytes."""
    return _unpacked(raw, _from_ext)


def unpack_native(raw: bytes) -> ReadOnlyDict:
    """Return the same with native numbers; raise Inexact if one of them has none."""
    return _unpacked(raw, _native_from_ext)


def _unpacked(raw: bytes, from_ext: Callable[[int, bytes], object]) -> ReadOnlyDict:
    try:
        option = unpack(raw, from_ext, ReadOnlyDict, ReadOnlyList)
    except (ValueError, TypeError, ArithmeticError, OverflowError, RecursionError) as error:
        raise ValueError(f"not an option ({type(error).__name__})") from error
    if type(option) is not ReadOnlyDict:
        raise ValueError("not an option (no map)")
    return option
