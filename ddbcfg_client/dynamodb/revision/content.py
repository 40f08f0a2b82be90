"""Options as packed bytes: their digest, their differences, and their attribute values.

The protocol compares, sums and records options in canonical packing, which has one text for each
number.  So equal content has equal bytes, on every host and in every record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from msgpack import ExtType, unpackb

from ddbcfg_client.format.differences import differences as named_differences
from ddbcfg_client.format.digest import digest_bytes, entry_digest
from ddbcfg_client.format.options import BINARY_SET, NUMBER, NUMBER_SET, STRING_SET
from ddbcfg_client.format.values import pack_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Attributes = dict[str, AttributeValueTypeDef]

#: Every option of a store, its name to its packed keys.
Content = Mapping[str, bytes]


class Entry(NamedTuple):
    """An option that changed: its packed keys before and after, None if it does not exist."""

    name: str
    before: bytes | None
    after: bytes | None


def weight(name: str, packed: bytes | None) -> int:
    """Return what an option adds to a content's total; 0 for one that does not exist."""
    return 0 if packed is None else entry_digest(pack_name(name), packed)


def total_of(content: Content) -> int:
    """Return the sum of the digests of all options, from which ``digest_of`` makes a digest."""
    return sum(weight(name, packed) for name, packed in content.items())


def digest_of(total: int) -> bytes:
    """Return the digest of a content with this total, the same as that of its snapshot."""
    return digest_bytes(total)


def differences(before: Content, after: Content) -> tuple[Entry, ...]:
    """Return the changes from ``before`` to ``after``, in order of the names."""
    names = sorted(name for kind in named_differences(before, after) for name in kind)
    return tuple(Entry(name, before.get(name), after.get(name)) for name in names)


def with_options(content: Content, options: Iterable[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Return the content with these ``options`` set in their order; None removes an option."""
    made = dict(content)
    for name, packed in options:
        if packed is None:
            made.pop(name, None)
        else:
            made[name] = packed
    return made


def attributes_of_packed(raw: bytes) -> Attributes:
    """Return the attribute values that were packed, exactly; ValueError for any other bytes."""
    try:
        keys = unpackb(raw, ext_hook=ExtType, timestamp=0)
        if type(keys) is not dict:
            raise ValueError("no map")
        return {_text(key): _attribute(value) for key, value in keys.items()}
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a packed option ({type(error).__name__})") from None


def _attribute(value: Any) -> AttributeValueTypeDef:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case ExtType(code=code, data=data):
            return _extended(code, data)
        case dict():
            return {"M": {_text(key): _attribute(member) for key, member in value.items()}}
        case list():
            return {"L": [_attribute(element) for element in value]}
    raise ValueError("not a packed value")


def _extended(code: int, data: bytes) -> AttributeValueTypeDef:
    if code == NUMBER:
        return {"N": data.decode("ascii")}
    elements: list[Any] = unpackb(data)
    if code == STRING_SET:
        return {"SS": [_text(element) for element in elements]}
    if code == NUMBER_SET:
        return {"NS": [_text(element) for element in elements]}
    if code == BINARY_SET:
        return {"BS": [bytes(element) for element in elements]}
    raise ValueError("an unknown extension type")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value
