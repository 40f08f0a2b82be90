"""Whatever DynamoDB can hold, for properties of the notation."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Names that come near the notation are what could go wrong, so they come often.
keys = st.sampled_from(["$", "$set", "$map", "$binary", "$x", "a$"]) | text


def _decimal(sign: int, digits: int, exponent: int) -> Decimal:
    """Return a number within DynamoDB's range."""
    length = len(str(digits))
    lowest, highest = -130 - length + 1, 125 - length + 1
    return Decimal((sign, tuple(map(int, str(digits))), min(max(exponent, lowest), highest)))


numbers = st.builds(_decimal, st.integers(0, 1), st.integers(0, 10**38 - 1), st.integers(-167, 125))
binary = st.binary(max_size=20)
sets = (
    st.sets(text, min_size=1, max_size=4)
    | st.sets(numbers, min_size=1, max_size=4)
    | st.sets(binary, min_size=1, max_size=4)
)
leaves = st.none() | st.booleans() | text | numbers | binary | sets
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def typed(value: object) -> object:
    """Return ``value`` with the type written next to everything in it, for a strict comparison."""
    if isinstance(value, dict):
        return [(key, typed(member)) for key, member in value.items()]
    if isinstance(value, list):
        return [typed(member) for member in value]
    if isinstance(value, set):
        return {(type(member), member) for member in value}
    return type(value), value
