"""An option's keys on a command line: ``KEY=TEXT``, ``KEY:=JSON`` and ``KEY:b64=BASE64``.

The first ``=`` of an argument decides.  What stands before it is the key, unless it ends in ``:``
(the value is JSON) or in ``:b64`` (it is base64): then it is the key without that ending.  So a key
may hold colons but no ``=``, and a text may hold anything.  Messages name keys, never values, and
not even an argument without ``=``, which may be a value that went astray.
"""

from __future__ import annotations

from binascii import a2b_base64

from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.reader import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def keys_of(arguments: Iterable[str]) -> dict[str, object]:
    """Return the keys with their values; JSON is that of :mod:`ddbcfg_client.notation`.

    Raise :class:`NotationError` for what is none of the three forms, for a value that is not what
    its form says, and for a key that is there twice.
    """
    keys: dict[str, object] = {}
    for number, argument in enumerate(arguments, 1):
        where = f"argument {number} after OPTION"
        left, equals, text = argument.partition("=")
        if not equals:
            raise NotationError(where, "is not KEY=TEXT, KEY:=JSON or KEY:b64=BASE64")
        form = next((ending for ending in (":b64", ":") if left.endswith(ending)), "")
        key = left.removesuffix(form)
        if not key:
            raise NotationError(where, "has no key before its '='")
        if key in keys:
            raise NotationError(f"key {key!r}", "is there twice")
        keys[key] = _value(form, text, f"key {key!r}")
    return keys


def _value(form: str, text: str, where: str) -> object:
    if form == ":":
        return loads(text, where)
    if not form:
        return text
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError:
        # "from None": nobody knows what the cause quotes.
        raise NotationError(where, "is not base64") from None
