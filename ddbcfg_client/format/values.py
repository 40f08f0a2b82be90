"""Exact conversion of DynamoDB's attribute values to msgpack.

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

``options`` converts msgpack to the Python values.  A process that only reads does not import this.

Maps and sets are packed in canonical order, and numbers as their canonical text.  So equal content
gives equal bytes on every host.
Reference: "AttributeValue" in the Amazon DynamoDB API Reference.
"""

from __future__ import annotations

from msgpack import ExtType, packb

from ddbcfg_client.errors import MalformedValue
from ddbcfg_client.format.numbers import canonical_text
from ddbcfg_client.format.options import BINARY_SET, NUMBER, NUMBER_SET, STRING_SET
from ddbcfg_client.format.unpack import DEEPEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


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


def _packable(attribute: Mapping[str, Any], level: int = 2) -> object:
    """Return the object that msgpack packs for an attribute value; raise ValueError if invalid.

    ``level`` is that of a map or a list here; the option itself is the first.
    """
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
        case "M" | "L" if level > DEEPEST:
            raise ValueError("nested more deeply than a reader accepts")
        case "M" if isinstance(value, dict):
            return {_text(key): _packable(value[key], level + 1) for key in sorted(value)}
        case "L" if isinstance(value, list):
            return [_packable(element, level + 1) for element in value]
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
