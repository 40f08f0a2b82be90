"""Validation of arguments, the same wherever they are accepted."""

from __future__ import annotations

from ddbcfg_client.errors import KeysRefused, SecondsRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

RAISE: Any = object()  # stands for "no default": get() raises for an absent option

MAX_KEY_BYTES = 65535  # DynamoDB's limit for an attribute's name


def key_names(keys: Iterable[str]) -> list[str]:
    """Return the names as plain strings; raise ``KeysRefused`` if one cannot name a key.

    A single string is refused too: ``"host"`` would mean the four keys h, o, s and t.
    """
    if isinstance(keys, str):
        raise KeysRefused(f"a list of names is expected, such as [{keys[:80]!r}], not a string")
    try:
        names = list(keys)
    except TypeError:
        raise KeysRefused(f"a list of names is expected, not {type(keys).__name__}") from None
    for at, name in enumerate(names):
        if not isinstance(name, str):
            raise KeysRefused(f"name {at} must be a string, not {type(name).__name__}")
        if not name:
            raise KeysRefused(f"name {at} is empty")
        if not name.isascii() or len(name) > MAX_KEY_BYTES:
            _check_bytes(at, name)
        names[at] = str.__str__(name)
    return names


def _check_bytes(at: int, name: str) -> None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise KeysRefused(f"name {at} is not valid Unicode (a lone surrogate)") from None
    if length > MAX_KEY_BYTES:
        raise KeysRefused(f"name {at} is {length} bytes long, the limit is {MAX_KEY_BYTES}")


def seconds_of(name: str, value: float) -> float:
    """Return ``value`` as a float; raise SecondsRefused if it is not a number of seconds."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise SecondsRefused(name, f"must be a number of seconds, not a {type(value).__name__}")
    try:
        seconds = float(value)
    except OverflowError:
        raise SecondsRefused(name, "must be a number of seconds that a float can hold") from None
    if not seconds >= 0:  # also true for NaN, which compares false with everything
        raise SecondsRefused(name, f"must be a number of seconds from 0 on, not {seconds:g}")
    return seconds
