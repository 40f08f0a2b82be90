"""The one text of each number: what is stored, published, exported and printed.

Two spellings of one number would be two contents, with two digests; and who formats a value wants
``27010``, not ``2.701E+4``.  So a number is written in plain digits, without zeros at its end, as
DynamoDB itself gives it back.  No decimal context has a say in it: Python's default of 28 digits
would make two numbers of 38 digits one.
"""

from __future__ import annotations

from decimal import Decimal

MAX_DIGITS = 38
MAX_EXPONENT = 125  # DynamoDB's numbers are below 1E+126 …
MIN_EXPONENT = -130  # … and 1E-130 or above, either sign


def number_text(number: Decimal) -> str:
    """Return the text of ``number``; raise ValueError if it is not finite.

    A number beyond DynamoDB's range is written with an exponent, for a billion digits fit nowhere.
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
    """Return the text of the number that ``text`` says; raise ValueError if it says none."""
    # Most numbers are small integers, which are as they should be.
    if text.isdigit() and text.isascii() and text[0] != "0" and len(text) <= MAX_EXPONENT:
        return text
    try:
        number = Decimal(text)
    except (ArithmeticError, TypeError) as error:
        raise ValueError("not a number") from error
    return number_text(number)
