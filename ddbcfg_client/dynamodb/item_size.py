"""The size of an item as DynamoDB counts it, or a little less.

For most types the size is exact.  According to the guide, the sizes of numbers and the overhead of
lists and maps are approximate.  The lowest possible size is used for these, so that an item that is
refused here would be refused by the service too.
Reference: "DynamoDB item sizes and formats" in the Amazon DynamoDB Developer Guide.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def least_size(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the minimum size of these attributes in bytes, names included."""
    return sum(len(name.encode()) + _size(value) for name, value in attributes.items())


def _size(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return _number_size(value)
        case "B":
            return len(value)
        case "SS":
            return sum(len(element.encode()) for element in value)
        case "NS":
            return sum(map(_number_size, value))
        case "BS":
            return sum(map(len, value))
        case "L":
            return 3 + sum(map(_size, value))
        case "M":
            return 3 + least_size(value)
    return 1  # BOOL, NULL


def _number_size(text: str) -> int:
    # Zeros at either end take no room.
    digits = text.lstrip("-").replace(".", "").strip("0")
    return 1 + len(digits) // 2
