"""Where an option has numbers without a native equivalent; only for error messages."""

from __future__ import annotations

from decimal import Decimal

from ddbcfg_client.format.numbers import Inexact, native_number, native_numbers
from ddbcfg_client.paths import path_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ddbcfg_client.readonly import ReadOnlyDict


def first_inexact(name: str, option: ReadOnlyDict) -> tuple[str, str]:
    """Return path and reason of the first such number in ``option``, which has Decimals."""
    for steps, reason in _inexact(option):
        return path_text(name, steps), reason
    return name, "has a number that has no native equivalent"


def _inexact(value: object) -> Iterator[tuple[list[str | int], str]]:
    members: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    elif isinstance(value, set | Decimal):
        try:
            _check(value)
        except Inexact as error:
            yield [], error.reason
    for step, member in members:
        for steps, reason in _inexact(member):
            yield [step, *steps], reason


def _check(value: Decimal | set[object]) -> None:
    if isinstance(value, Decimal):
        native_number(str(value))
    elif value and all(isinstance(number, Decimal) for number in value):
        native_numbers([str(number) for number in value])
