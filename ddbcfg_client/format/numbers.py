"""The canonical text of each number, as it is stored, published, exported and printed.

With two spellings, one number would give two contents with two digests, and ``27010`` is easier to
read than ``2.701E+4``.  So a number is written in plain digits without trailing zeros, as DynamoDB
itself returns it.  No decimal context is used: with Python's default of 28 digits, two different
numbers of 38 digits could become equal.
"""

from __future__ import annotations

from decimal import Decimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DIGITS = 38
MAX_EXPONENT = 125  # DynamoDB's numbers are below 1E+126 …
MIN_EXPONENT = -130  # … and 1E-130 or above, either sign


def number_text(number: Decimal) -> str:
    """Return the text of ``number``; raise ValueError if it is not finite.

    A number beyond DynamoDB's range is written with an exponent: it could have a billion digits.
    """
    if not number.is_finite():
        raise ValueError("not a finite number")
    if not number:
        return "0"
    if MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        text = format(number, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    sign, digits, _ = number.as_tuple()
    first, rest = digits[0], "".join(map(str, digits[1:])).rstrip("0")
    fraction = f".{rest}" if rest else ""
    return f"{'-' if sign else ''}{first}{fraction}E{number.adjusted():+}"


def canonical_text(text: str) -> str:
    """Return the canonical text of the number in ``text``; raise ValueError if it is not one."""
    # Most numbers are small integers, whose text is canonical already.
    if text.isdigit() and text.isascii() and text[0] != "0" and len(text) <= MAX_EXPONENT:
        return text
    try:
        number = Decimal(text)
    except (ArithmeticError, TypeError) as error:
        raise ValueError("not a number") from error
    return number_text(number)


class Inexact(Exception):
    """A number, or a set of numbers, has no native equivalent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# A number from the table has at most 126 digits before the point.  Text from elsewhere may stand
# for an integer that would take minutes to compute.
_LONGEST_INTEGER = 400


def native_number(text: str) -> int | float:
    """Return the number in ``text`` as an exact int if it is integral, else as the nearest float.

    Raise ValueError if it is not a finite number, and Inexact if it is too large or too small.
    """
    if len(text) < _LONGEST_INTEGER and text.lstrip("-").isdigit() and text.isascii():
        return int(text)
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError("not a finite number")
    if not number:
        return 0
    if number.adjusted() >= _LONGEST_INTEGER:
        raise Inexact("is beyond the range of a float")
    if number == number.to_integral_value():
        return int(number)
    nearest = float(number)
    if nearest in (0.0, float("inf"), float("-inf")):
        raise Inexact("is beyond the range of a float")
    return nearest


def native_numbers(texts: Sequence[str]) -> list[int | float]:
    """Return the members of a set of numbers; raise Inexact if two of them become one float."""
    numbers = [native_number(text) for text in texts]
    if len(set(numbers)) != len(numbers):
        raise Inexact("has members that differ, but not as floats")
    return numbers
