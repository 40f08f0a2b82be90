"""Canonical text of values: equal stores give equal files, and different stores different ones."""

from __future__ import annotations

from decimal import Decimal

from ddbcfg_client.notation.writer import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def canonical(value: object) -> object:
    """Return an equal value whose maps are sorted by key; dumps() does the rest."""
    match value:
        case dict():
            return {key: canonical(value[key]) for key in sorted(value)}
        case list():
            return [canonical(item) for item in value]
    return value


def as_file(stores: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
    """Return store → option → key → value as a sorted file in the notation, one a line."""
    return dumps(canonical(stores), typed=True, indent=2) + "\n"


def text_of(value: object) -> str:
    """Return a text that is equal for two values if and only if DynamoDB would store the same."""
    return dumps(canonical(value), typed=True)


def same(one: object, other: object) -> bool:
    """Return whether DynamoDB would store the same for both: compare ``text_of``, but faster."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other  # a string equals nothing else
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return text_of(one) == text_of(other)


def type_of(value: object) -> str:
    """Return a readable name of the DynamoDB type of ``value``."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | Decimal():
            return "number"
        case bytes():
            return "binary"
        case dict():
            return "map"
        case list():
            return "list"
        case set() | frozenset():
            return f"set of {type_of(next(iter(value)))}s".replace("binarys", "binaries")
    raise TypeError(f"DynamoDB has no type for {type(value).__name__}")
