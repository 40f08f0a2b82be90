"""Exact conversion of Python values to DynamoDB attribute values.

The types are str, bytes, bool, None, int, Decimal, float, list, tuple (which is read as a list),
dict, set and their subclasses.  A float is stored as the decimal number that its repr shows, so 0.1
is stored as 0.1.  A value that DynamoDB would round, cut or change is refused, with the path to it.
Messages never show a value.

Reference: "Supported data types and naming rules", "Service, account, and table quotas" and
"Item sizes and formats" in the Amazon DynamoDB Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ddbcfg_client.arguments import MAX_KEY_BYTES
from ddbcfg_client.dynamodb.limits import MAX_DEPTH, TOO_DEEP
from ddbcfg_client.errors import ValueRefused
from ddbcfg_client.format.numbers import MAX_DIGITS, MAX_EXPONENT, MIN_EXPONENT, number_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class Refusal(Exception):
    """The reason why a value cannot be stored; callers add the path while it propagates."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where


def attributes_of(
    option: str, data: object, reserved: Iterable[str] = ()
) -> dict[str, AttributeValueTypeDef]:
    """Return the attribute values of a whole option; ``data`` is not changed.

    Raise ``ValueRefused`` if DynamoDB cannot hold a value, or if a key is ``reserved``.
    """
    try:
        if not isinstance(data, Mapping):
            raise Refusal(f"an option is a dict of keys and values, not {_type_of(data)}")
        for key in reserved:
            if key in data:
                raise Refusal("the table's own key has this name", f"[{key!r}]")
        return _members(data, 0)
    except Refusal as refusal:
        raise ValueRefused(option, refusal.where, refusal.reason) from None


def attribute_of(value: object, depth: int = 0) -> AttributeValueTypeDef:
    """Return the attribute value of one Python value; raise ``Refusal``."""
    # bool before int, because it is a subclass of int.
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": _text(value)}
        case int() | float() | Decimal():
            return {"N": _number(value)}
        case bytes() | bytearray():
            return {"B": bytes(value)}
        case Mapping():
            return {"M": _members(value, depth + 1)}
        case list() | tuple():
            _check_depth(depth + 1)
            return {"L": [_at(f"[{i}]", v, depth + 1) for i, v in enumerate(value)]}
        case set() | frozenset():
            return _set(value)
    raise Refusal(f"DynamoDB has no type for {_type_of(value)}")


def _members(data: Mapping[object, object], depth: int) -> dict[str, AttributeValueTypeDef]:
    _check_depth(depth)
    members = {}
    for key, value in data.items():
        if not isinstance(key, str):
            raise Refusal(f"keys must be strings, not {_type_of(key)}")
        if not key:
            raise Refusal("keys must not be empty")
        name = _text(key)
        length = len(name.encode())
        if length > MAX_KEY_BYTES:
            raise Refusal(f"a key's name is {length} bytes long, the limit is {MAX_KEY_BYTES}")
        members[name] = _at(f"[{name!r}]", value, depth)
    return members


def _check_depth(depth: int) -> None:
    # This also ends the recursion for a list that contains itself.
    if depth > MAX_DEPTH:
        raise Refusal(TOO_DEEP)


def _at(where: str, value: object, depth: int) -> AttributeValueTypeDef:
    """Return the attribute value of the member at ``where``."""
    try:
        return attribute_of(value, depth)
    except Refusal as refusal:
        raise Refusal(refusal.reason, where + refusal.where) from None


def _text(value: str) -> str:
    # The content of a subclass, not its __str__: that of an Enum is not its value.
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refusal("not valid Unicode (a lone surrogate)") from None
    return text


def _number(value: int | float | Decimal) -> str:
    if isinstance(value, float):
        # float's own repr: that of a subclass, such as numpy's, may differ.
        value = Decimal(float.__repr__(value))
    number = Decimal(value)
    if not number.is_finite():
        raise Refusal("DynamoDB has no number that is infinite or not a number")
    _sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    significant = len(bytes(digits).rstrip(b"\0").lstrip(b"\0"))
    if significant == 0:
        return "0"
    if significant > MAX_DIGITS:
        raise Refusal(f"the number has {significant} digits, more than the {MAX_DIGITS} kept")
    if not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise Refusal(f"the number is not within 1E{MIN_EXPONENT} and 1E+{MAX_EXPONENT + 1}")
    return number_text(number)


def _set(values: set[object] | frozenset[object]) -> AttributeValueTypeDef:
    if not values:
        raise Refusal("DynamoDB has no empty set; leave the key out, or store a list")
    # Checked first, because tuples in a set can contain further sets without limit.
    scalars = all(isinstance(value, (str, int, float, Decimal, bytes)) for value in values)
    elements = [attribute_of(value) for value in values] if scalars else []
    kinds = {kind for element in elements for kind in element}
    if len(kinds) != 1 or not kinds <= {"S", "N", "B"}:
        raise Refusal("a set holds strings, numbers or bytes, all of one kind")
    (kind,) = kinds
    if kind == "S":
        return {"SS": sorted(element["S"] for element in elements)}
    if kind == "B":
        return {"BS": sorted(bytes(element["B"]) for element in elements)}
    numbers = sorted(element["N"] for element in elements)
    # 0.1 and Decimal("0.1") are two elements in Python.
    if len(set(numbers)) < len(numbers):
        raise Refusal("two elements of the set are the same number in DynamoDB")
    return {"NS": numbers}


def _type_of(value: object) -> str:
    return type(value).__qualname__
