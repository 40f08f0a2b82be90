"""How one reader decodes: as Decimal or native numbers, and with which defaults."""

from __future__ import annotations

from collections.abc import Mapping

from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.errors import DefaultsRefused, NumbersRefused
from ddbcfg_client.format.options import unpack_native, unpack_option
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.memo import Memo, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DECIMAL = "decimal"
NATIVE = "native"


def memo_of(numbers: str, defaults: Mapping[str, Mapping[str, Any]] | None) -> Memo:
    """Return the memo of a reader with these arguments of ``connect``.

    Raise NumbersRefused, DefaultsRefused, or ValueRefused for a default that DynamoDB cannot hold.
    """
    if numbers not in (DECIMAL, NATIVE):
        raise NumbersRefused(repr(numbers)[:80])
    unpack = unpack_native if numbers == NATIVE else None
    if defaults is None:
        return Memo(unpack)
    if not isinstance(defaults, Mapping):
        raise DefaultsRefused(f"a dict of options is expected, not {type(defaults).__name__}")
    versions = {}
    for option, keys in defaults.items():
        if not isinstance(option, str):
            raise DefaultsRefused(f"options have strings as names, not {type(option).__name__}")
        # Through the bytes that the store would have: the same types, read-only all the way down.
        raw = pack_option(option, attributes_of(option, keys))
        name = str.__str__(option)
        versions[name] = Version(0, raw, (unpack or unpack_option)(raw))
    return Memo(unpack, versions)


def numbers_of(memo: Memo) -> str:
    """Return the argument ``numbers`` that this memo was made for."""
    return DECIMAL if memo.unpack is None else NATIVE


def defaults_of(memo: Memo) -> dict[str, dict[str, Any]] | None:
    """Return the argument ``defaults`` that this memo was made for, as plain dicts."""
    return {name: version.value.copy() for name, version in memo.defaults.items()} or None
