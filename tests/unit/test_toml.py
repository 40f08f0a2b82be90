"""What the notation in TOML reads and refuses, beyond what it shares with JSON."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.toml import loads_stores


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("27_017", "27017"),
        ("1_000.50", "1000.5"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
        ("1e+2", "100"),
        ("0xff", "255"),
        ("0o17", "15"),
        ("-0", "0"),
        ("9" * 38, "9" * 38),
    ],
)
def test_a_number_keeps_every_digit(text: str, number: str) -> None:
    found = loads_stores(f"[s.o]\nn = {text}", "f")["s"]["o"]["n"]
    assert type(found) is Decimal
    assert f"{found:f}" == number


@pytest.mark.parametrize(
    ("text", "where"),
    [("2020-01-01", "s.o.x"), ("07:32:00", "s.o.x"), ("[2020-01-01T07:32:00Z]", "s.o.x[0]")],
)
def test_a_date_or_time_is_refused_with_its_path(text: str, where: str) -> None:
    with pytest.raises(NotationError, match="write it as a string") as caught:
        loads_stores(f"[s.o]\nx = {text}", "f")
    assert caught.value.where == f"f: {where}"


@pytest.mark.parametrize("text", ["s = 1\x01", "s = 'a\x01'", "s.o.x = \x07", "s.o.x = Zz"])
def test_an_error_shows_no_character_of_a_value(text: str) -> None:
    with pytest.raises(NotationError) as caught:
        loads_stores(text, "f")
    assert caught.value.where == "f:1"
    assert caught.value.reason.startswith("not TOML: ")
    assert "\\x0" not in caught.value.reason
    assert "Z" not in caught.value.reason.removeprefix("not TOML: ")
    assert caught.value.__suppress_context__  # no traceback shows the document
