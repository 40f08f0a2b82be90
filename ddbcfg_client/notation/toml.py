"""Parsing of TOML in the notation: the same values, limits and errors as in JSON.

A date or a time has no DynamoDB type and is refused.
"""

from __future__ import annotations

from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.dynamodb.limits import TOO_DEEP
from ddbcfg_client.errors import NotationError
from ddbcfg_client.notation.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

_MOST_BITS = 512  # the largest number of DynamoDB, 9.99E+125, has 419

# Messages of tomllib that end with a character of the document, which can be part of a value.
_SHOW_A_CHARACTER = ("Illegal character", "Found invalid character")


def loads_stores(
    text: str, where: str, key_names: Container[str] = DEFAULT_KEYS
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the store → option → key → value in ``text``.

    Raise ``NotationError`` as ``ddbcfg_client.notation.reader.loads_stores`` does.
    """
    reader = Reader(where)
    try:
        tree = _node(reader, _document(reader, text), "")
    except RecursionError:
        raise reader.error("", TOO_DEEP) from None
    return reader.stores(tree, key_names)


def _document(reader: Reader, text: str) -> object:
    """Return what tomllib reads, with each float as its literal in bytes."""
    import tomllib

    try:
        return tomllib.loads(text, parse_float=str.encode)
    # "from None": newer versions of the cause contain the whole document with all its secrets.
    except tomllib.TOMLDecodeError as error:
        message, _, position = str(error).rpartition(" (at ")
        for start in _SHOW_A_CHARACTER:
            if message.startswith(start):
                message = start
        line, column = str(text.count("\n") + 1), ""
        if position.startswith("line "):
            line, _, column = position.removeprefix("line ").rstrip(")").partition(", ")
        reason = f"not TOML: {message}" + (f" ({column})" if column else "")
        raise NotationError(f"{reader.where}:{line}", reason) from None
    except ValueError:
        # Python refuses to convert more digits than any number of DynamoDB has.
        raise reader.error("", "not TOML: it has a number of thousands of digits") from None


def _node(reader: Reader, value: object, path: str) -> object:
    """Return ``value`` as a node of the document that ``reader`` takes."""
    if isinstance(value, dict):
        return tuple(
            (name, _node(reader, value[name], f"{path}.{name}" if path else name)) for name in value
        )
    if isinstance(value, list):
        return [_node(reader, item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, bytes):
        return value.replace(b"_", b"")
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        # Python refuses to print an integer of thousands of digits, which hexadecimal can write.
        return b"Infinity" if value.bit_length() > _MOST_BITS else str(value).encode()
    kind = type(value).__name__
    raise reader.error(path, f"DynamoDB has no type for a {kind} of TOML; write it as a string")
