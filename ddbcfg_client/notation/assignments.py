"""An option's keys on a command line: ``KEY=TEXT``, ``KEY:=JSON`` and ``KEY:b64=BASE64``.

The first ``=`` separates the key from the value.  If the key ends in ``:``, the value is JSON; if
it ends in ``:b64``, the value is base64; the ending is not part of the key.  So a key may contain
colons but no ``=``, and a text may contain anything.  Messages show keys but never values.  They do
not show an argument without ``=`` either, which may be a misplaced value.
"""

from __future__ import annotations

from binascii import a2b_base64

from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.reader import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMS = "KEY=TEXT, KEY:=JSON or KEY:b64=BASE64"


def keys_of(arguments: Iterable[str]) -> dict[str, object]:
    """Return the keys with their values; JSON is in the notation of ``ddbcfg_client.notation``.

    Raise ``NotationError`` if an argument has none of the three forms, if a value does not
    match its form, or if a key is repeated.
    """
    return _parsed(arguments, _FORMS)[0]


def edits_of(arguments: Iterable[str]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the keys to change with their values, and the keys to remove: ``KEY-``.

    Raise the errors of ``keys_of``.
    """
    return _parsed(arguments, f"{_FORMS} or KEY-", removals=True)


def _parsed(
    arguments: Iterable[str], forms: str, *, removals: bool = False
) -> tuple[dict[str, object], tuple[str, ...]]:
    keys: dict[str, object] = {}
    removed: list[str] = []
    for number, argument in enumerate(arguments, 1):
        where = f"argument {number} after OPTION"
        left, equals, text = argument.partition("=")
        if not equals:
            key = left[:-1]
            if not (removals and left.endswith("-") and key):
                raise NotationError(where, f"is not {forms}")
            if key in keys or key in removed:
                raise NotationError(f"key {key!r}", "is there twice")
            removed.append(key)
            continue
        form = next((ending for ending in (":b64", ":") if left.endswith(ending)), "")
        key = left.removesuffix(form)
        if not key:
            raise NotationError(where, "has no key before its '='")
        if key in keys or key in removed:
            raise NotationError(f"key {key!r}", "is there twice")
        keys[key] = _value(form, text, f"key {key!r}")
    return keys, tuple(removed)


def _value(form: str, text: str, where: str) -> object:
    if form == ":":
        try:
            return loads(text, where)
        except NotationError as error:
            if not error.where.removeprefix(f"{where}:").isdigit():  # a path into the value
                raise
            # Without the number of a line.  "from None": the cause may quote the value.
            raise NotationError(where, f"{error.reason}; for a string, use = and not :=") from None
    if not form:
        return text
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError:
        # "from None": the cause may quote the value.
        raise NotationError(where, "not base64") from None
