"""The canonical text of each number, as it is stored, published, exported and printed.

With two spellings, one number would give two contents with two digests, and ``27010`` is easier to
read than ``2.701E+4``.  So a number is written in plain digits without trailing zeros, as DynamoDB
itself returns it.  No decimal context is used: with Python's default of 28 digits, two different
numbers of 38 digits could become equal.
"""

from __future__ import annotations

from decimal import Decimal

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
