"""Parsing of JSON in the notation; each error has the line, or the path into the document."""

from __future__ import annotations

from ddbcfg_client.dynamodb.key_names import DEFAULT_KEYS
from ddbcfg_client.dynamodb.limits import MAX_DEPTH, TOO_DEEP
from ddbcfg_client.errors import NotationError
from ddbcfg_client.format.numbers import MAX_DIGITS, MAX_EXPONENT, MIN_EXPONENT, number_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from decimal import Decimal

    _Pairs = tuple[tuple[str, object], ...]


_MARKERS = {"$binary": "base64 text", "$map": "an object", "$set": "an array that is not empty"}


def loads(text: str, where: str) -> object:
    """Return the value in ``text``: str, Decimal, bool, None, bytes, list, dict or set.

    Raise ``NotationError`` with ``where`` and the line if it is not JSON, or with ``where``
    and the path into the document if it is not a DynamoDB value.
    """
    reader = Reader(where)
    return reader.value(reader.tree(text), "", MAX_DEPTH)


def loads_stores(
    text: str, where: str, key_names: Container[str] = DEFAULT_KEYS
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the store → option → key → value in ``text``.

    Raise ``NotationError`` as ``loads`` does.  It is also raised if a name is empty, if a
    key is one of the table's own (``key_names``), or if stores, options or keys are not an object.
    """
    reader = Reader(where)
    return reader.stores(reader.tree(text), key_names)


class Reader:
    """Converts a parsed document to values; errors contain its origin.

    The document is a tree of strings, lists, True, False and None.  An object is a tuple of pairs,
    which keeps duplicates, and a number is its literal as bytes, which keeps its digits.
    """

    __slots__ = ("number_of", "where")

    def __init__(self, where: str) -> None:
        from decimal import Context, Inexact, InvalidOperation, Overflow, Subnormal

        # DynamoDB's range and precision.  Trailing zeros do not count: 1E+40 written out has 41
        # digits, but only one is significant.
        traps = [Inexact, InvalidOperation, Overflow, Subnormal]
        self.number_of = Context(
            prec=MAX_DIGITS, Emin=MIN_EXPONENT, Emax=MAX_EXPONENT, traps=traps
        ).create_decimal
        self.where = where

    def error(self, path: str, reason: str) -> NotationError:
        """Return the error for the value at ``path``."""
        return NotationError(f"{self.where}: {path}" if path else self.where, reason)

    def tree(self, text: str) -> object:
        """Return the document in ``text``, which is JSON."""
        import json

        try:
            # Nothing is interpreted here, because neither line nor path is known yet.
            return json.loads(
                text,
                object_pairs_hook=tuple,
                parse_float=str.encode,
                parse_int=str.encode,
                parse_constant=str.encode,
            )
        # "from None": the cause contains the whole document with all its secrets.
        except json.JSONDecodeError as error:
            reason = f"not JSON: {error.msg} (column {error.colno})"
            raise NotationError(f"{self.where}:{error.lineno}", reason) from None
        except RecursionError:
            raise self.error("", TOO_DEEP) from None

    def stores(
        self, tree: object, key_names: Container[str] = DEFAULT_KEYS
    ) -> dict[str, dict[str, dict[str, object]]]:
        """Return the store → option → key → value of a whole document."""
        stores: dict[str, dict[str, dict[str, object]]] = {}
        document = self.value(tree, "", MAX_DEPTH + 3)
        for store, options, at_store in self.named(document, "", "store"):
            stores[store] = {}
            for option, keys, at_option in self.named(options, at_store, "option"):
                values = stores[store][option] = {}
                for key, value, at_key in self.named(keys, at_option, "key"):
                    if key in key_names:
                        reason = "is a key of the table; other ones: --store-key and --option-key"
                        raise self.error(at_key, reason)
                    values[key] = value
        return stores

    def named(self, value: object, path: str, noun: str) -> Iterator[tuple[str, object, str]]:
        """Yield the name, value and path of each ``noun`` in the object ``value``."""
        if not isinstance(value, dict):
            raise self.error(path, f"must be an object whose names are {noun}s")
        for name, member in value.items():
            if not name:
                raise self.error(path, f"there is an empty name among its {noun}s")
            yield name, member, _join(path, name)

    def value(self, node: object, path: str, depth: int) -> object:
        """Return the value of ``node`` of the parsed document."""
        if isinstance(node, str):
            return self.string(node, path)
        if isinstance(node, bytes):
            return self.number(node, path)
        if isinstance(node, list):
            self.check_depth(path, depth)
            return [self.value(item, f"{path}[{i}]", depth - 1) for i, item in enumerate(node)]
        if isinstance(node, tuple):
            return self.braces(node, path, depth)
        return node  # true, false, null

    def string(self, text: str, path: str) -> str:
        """Return ``text``; raise if UTF-8 cannot represent it."""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.error(path, "holds a lone surrogate (\\ud800 to \\udfff)") from None
        return text

    def number(self, literal: bytes, path: str) -> Decimal:
        """Return the exact number, with the digits that DynamoDB would return."""
        from decimal import Decimal

        try:
            return Decimal(number_text(self.number_of(literal.decode())))
        except (ArithmeticError, ValueError):
            pass
        reason = (
            f"DynamoDB's numbers have at most {MAX_DIGITS} digits and are 0 or "
            f"1E{MIN_EXPONENT} … 9.99…E+{MAX_EXPONENT}"
        )
        raise self.error(path, reason)

    def braces(self, pairs: _Pairs, path: str, depth: int) -> object:
        """Return the map, set or bytes that a JSON object represents."""
        from binascii import a2b_base64

        marker = next((key for key, _ in pairs if key.startswith("$")), None)
        if marker is None:
            return self.plain_map(pairs, path, depth)
        if marker not in _MARKERS:
            reason = f"unknown notation {marker!r}; a map with such a key is {{'$map': {{...}}}}"
            raise self.error(path, reason)
        if len(pairs) > 1:
            raise self.error(path, f"{marker!r} must be the only key of its object")
        node = pairs[0][1]
        if marker == "$map" and isinstance(node, tuple):
            return self.plain_map(node, path, depth)
        if marker == "$set" and isinstance(node, list) and node:
            return self.members(node, path)
        if marker == "$binary" and isinstance(node, str):
            try:
                return a2b_base64(node, strict_mode=True)
            except ValueError:
                pass
        raise self.error(path, f"{marker!r} must hold {_MARKERS[marker]}")

    def plain_map(self, pairs: _Pairs, path: str, depth: int) -> dict[str, object]:
        """Return a map with exactly these keys."""
        self.check_depth(path, depth)
        result: dict[str, object] = {}
        for key, node in pairs:
            at = _join(path, key)
            if self.string(key, at) in result:
                raise self.error(at, "is there twice")
            result[key] = self.value(node, at, depth - 1)
        return result

    def members(self, nodes: list[object], path: str) -> set[object]:
        """Return a set with exactly these members."""
        from decimal import Decimal

        members = [self.value(node, f"{path}[{i}]", MAX_DEPTH) for i, node in enumerate(nodes)]
        kinds = {type(member) for member in members}
        if len(kinds) > 1 or not kinds <= {str, Decimal, bytes}:
            raise self.error(path, "a set holds only strings, only numbers or only binary")
        if len(set(members)) < len(members):
            raise self.error(path, "a set holds no member twice")
        return set(members)

    def check_depth(self, path: str, depth: int) -> None:
        """Raise if one more level of lists or maps would be too deep."""
        if depth == 0:
            raise self.error(path, TOO_DEEP)


def _join(path: str, name: str) -> str:
    """Return the path of ``name`` in ``path``; quote a name that would make it ambiguous."""
    shown = name if name.replace("-", "_").replace("$", "_").isidentifier() else repr(name)
    return f"{path}.{shown}" if path else shown
