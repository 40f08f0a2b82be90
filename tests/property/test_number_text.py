"""One text for each number: plain, exact, and the same for every spelling and decimal context."""

from __future__ import annotations

import decimal
import json
import re
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.format.numbers import canonical_text, number_text
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.notation.canonical import as_file
from ddbcfg_client.notation.reader import loads
from ddbcfg_client.notation.writer import dumps
from ddbcfg_client.testing import FakeConfig

# As DynamoDB writes a number: no exponent, no plus, no zero that says nothing, no minus zero.
PLAIN = re.compile(r"0|-?(?:[1-9][0-9]*|0(?=\.)|[1-9][0-9]*(?=\.))(?:\.[0-9]*[1-9])?")


@st.composite
def numbers(draw: st.DrawFn) -> Decimal:
    """Every number that DynamoDB holds: 38 digits, 1E-130 to 9.9…E+125, either sign, and 0."""
    digits = draw(st.integers(0, 10**38 - 1))
    adjusted = draw(st.integers(-130, 125))
    sign = draw(st.sampled_from("+-"))
    return Decimal(f"{sign}{digits}E{adjusted - len(str(digits)) + 1}")


@st.composite
def spellings(draw: st.DrawFn, number: Decimal) -> str:
    """Another text of the same number: with an exponent, more zeros, a plus."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    zeros = draw(st.integers(0, 5))
    integer = "0" * draw(st.integers(0, 3)) + "".join(map(str, digits)) + "0" * zeros
    mark = draw(st.sampled_from("eE"))
    return f"{'-' if sign else draw(st.sampled_from(['', '+']))}{integer}{mark}{exponent - zeros}"


@given(numbers())
@example(Decimal("-0"))
@example(Decimal("0E+120"))
@example(Decimal("9." + "9" * 37 + "E+125"))
@example(Decimal("-1E-130"))
@example(Decimal("1." + "0" * 36 + "1E-130"))
def test_it_is_plain_and_exact(number: Decimal) -> None:
    text = number_text(number)
    assert PLAIN.fullmatch(text)
    assert Fraction(text) == Fraction(number)
    assert unpack_option(pack_option("o", {"n": {"N": str(number)}}))["n"] == number


@given(numbers().flatmap(lambda number: st.tuples(st.just(number), spellings(number))))
def test_every_spelling_gives_the_same_text_and_the_same_bytes(pair: tuple[Decimal, str]) -> None:
    number, spelling = pair
    text = number_text(number)
    assert canonical_text(spelling) == canonical_text(text) == text
    assert dumps(Decimal(spelling), typed=True) == dumps(number, typed=False) == text
    assert str(loads(text, "f")) == str(Decimal(text))
    one, other = ({"N": spelling}, {"N": text})
    assert pack_option("o", {"n": one}) == pack_option("o", {"n": other})
    both = {"NS": [spelling, "-7", text]}
    assert pack_option("o", {"n": both}) == pack_option("o", {"n": {"NS": sorted({text, "-7"})}})
    assert attributes_of("o", {"n": Decimal(spelling)}) == {"n": {"N": text}}


@given(numbers(), numbers())
def test_two_numbers_have_two_texts(one: Decimal, other: Decimal) -> None:
    assert (number_text(one) == number_text(other)) == (Fraction(one) == Fraction(other))


@pytest.mark.parametrize(
    "context",
    [
        pytest.param(decimal.DefaultContext, id="28 digits"),
        pytest.param(Context(prec=1, Emax=0, Emin=0, clamp=1, capitals=0), id="1 digit"),
        pytest.param(
            Context(prec=1, traps=[decimal.Inexact, decimal.Rounded, decimal.FloatOperation]),
            id="traps",
        ),
    ],
)
def test_no_context_has_a_say_in_it(context: Context) -> None:
    one, other = "1." + "1" * 37, "1." + "1" * 36 + "2"
    huge = "12345678901234567890123456789012345678" + "0" * 88
    with decimal.localcontext(context):
        for text in (one, other, huge):
            assert canonical_text(text) == number_text(Decimal(text)) == text
            assert attributes_of("o", {"n": Decimal(text)}) == {"n": {"N": text}}
            assert str(unpack_option(pack_option("o", {"n": {"N": text}}))["n"]) == text
            assert str(loads(text, "f")) == dumps(Decimal(text), typed=True) == text
            assert str(FakeConfig({"o": {"n": Decimal(text)}})["o"]["n"]) == text


@pytest.mark.parametrize("value", [27010, 2.701e4, Decimal("2.7010E+4"), Decimal("27010.00")])
def test_a_number_with_zeros_at_its_end_can_stand_in_a_url(value: float | Decimal) -> None:
    config = FakeConfig({"db": {"port": value}})
    assert f"redis://h:{config['db']['port']}" == "redis://h:27010"
    assert as_file(
        {"prod": {"db": {"port": value if not isinstance(value, float) else 27010}}}
    ) == (json.dumps({"prod": {"db": {"port": 27010}}}, indent=2) + "\n")


@given(st.text(max_size=12) | st.from_regex(r"[-+]?[0-9._]{1,12}([eE][-+]?[0-9]{1,9})?"))
@example("\uff11\uff12")
@example("²")
@example("1_000")
@example(" 1 ")
@example("00")
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        found = canonical_text(text)
    except ValueError:
        return
    assert found.isascii()
    assert Decimal(found) == Decimal(text)
    assert canonical_text(found) == found


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1E+126", "1E+126"),
        ("-12.50E+999999", "-1.25E+1000000"),
        ("0.5E-130", "5E-131"),
        ("1" * 200, "1." + "1" * 199 + "E+199"),
        ("1" + "0" * 999, "1E+999"),
    ],
)
def test_a_number_that_dynamodb_cannot_hold_has_a_text_that_is_no_longer(
    text: str, canonical: str
) -> None:
    """Emulators take such numbers; a billion zeros would fill the memory."""
    assert canonical_text(text) == canonical
    assert canonical_text(canonical) == canonical


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_has_none(number: str) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        number_text(Decimal(number))
    with pytest.raises(ValueError, match="not a finite number"):
        canonical_text(number)
