"""Exact conversion of DynamoDB's attribute values to msgpack and to Python values.

=========  =============================  ==========================================
DynamoDB   msgpack                        Python
=========  =============================  ==========================================
S          str                            str
N          ext 1: its canonical text      Decimal
B          bin                            bytes
BOOL NULL  bool, nil                      bool, None
M          map, keys in order of UTF-8    read-only dict
L          array                          read-only list
SS         ext 2: an array of str         read-only set of str
NS         ext 3: an array of str         read-only set of Decimal
BS         ext 4: an array of bin         read-only set of bytes
=========  =============================  ==========================================

``unpack_native`` returns int for integral numbers, and float for others, in place of Decimal.

Maps and sets are packed in canonical order, and numbers as their canonical text.  So equal content
gives equal bytes on every host.
Reference: "AttributeValue" in the Amazon DynamoDB API Reference.
"""

from __future__ import annotations

# Imported here and not at the first number: a child forked during an import could deadlock.
from decimal import Decimal

from msgpack import ExtType, packb, unpackb

from ddbcfg_client.errors import MalformedValue
from ddbcfg_client.format.numbers import canonical_text, native_number, native_numbers
from ddbcfg_client.readonly import ReadOnlyDict, ReadOnlyList, ReadOnlySet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

NUMBER = 1
STRING_SET = 2
NUMBER_SET = 3
BINARY_SET = 4


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _binary(value: object) -> bytes:
    # bytes(5) would be five zeros.
    if not isinstance(value, bytes | bytearray):
        raise ValueError("no binary")
    return bytes(value)


def _number_set(numbers: list[object]) -> list[str]:
    # Some services keep 1 and 1.0 as two elements of one set.
    return sorted({canonical_text(_text(number)) for number in numbers})


def _packable(attribute: Mapping[str, Any]) -> object:
    """Return the object that msgpack packs for an attribute value; raise ValueError if invalid."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" if isinstance(value, str):
            return value
        case "N":
            return ExtType(NUMBER, canonical_text(_text(value)).encode())
        case "B":
            return _binary(value)
        case "BOOL" if isinstance(value, bool):
            return value
        case "NULL":
            return None
        case "M" if isinstance(value, dict):
            return {_text(key): _packable(value[key]) for key in sorted(value)}
        case "L" if isinstance(value, list):
            return [_packable(element) for element in value]
        case "SS" if isinstance(value, list):
            return ExtType(STRING_SET, packb(sorted(map(_text, value))))
        case "NS" if isinstance(value, list):
            return ExtType(NUMBER_SET, packb(_number_set(value)))
        case "BS" if isinstance(value, list):
            return ExtType(BINARY_SET, packb(sorted(map(_binary, value))))
    raise ValueError(f"a type this release does not know ({kind})")


def pack_name(option: str) -> bytes:
    """Return the msgpack bytes of an option's name; raise ValueError if it is not valid UTF-8."""
    return bytes(packb(option))


def pack_option(option: str, keys: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the msgpack map of an option's keys, from their DynamoDB attribute values.

    Raise MalformedValue, which contains the option and the key but never a value.
    """
    packable = {}
    key = "*"
    try:
        pack_name(option)
        for key in sorted(keys):
            packable[_text(key)] = _packable(keys[key])
        key = "*"
        return bytes(packb(packable))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        # Only the class: the text of a ValueError may contain a part of the value.
        raise MalformedValue(option, key, type(error).__name__) from None


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
    elements = unpackb(data)
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


def _unpacked(raw: bytes, ext_hook: Callable[[int, bytes], object]) -> ReadOnlyDict:
    try:
        option = unpackb(
            raw, ext_hook=ext_hook, object_hook=ReadOnlyDict, list_hook=ReadOnlyList, timestamp=0
        )
    except (ValueError, TypeError, ArithmeticError, OverflowError, RecursionError) as error:
        raise ValueError(f"not an option ({type(error).__name__})") from error
    if type(option) is not ReadOnlyDict:
        raise ValueError("not an option (no map)")
    return option
