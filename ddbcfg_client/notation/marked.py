"""Stores as a tree of maps, lists and plain values, and what TOML and YAML write alike.

A set, binary and a map with keys that begin with ``$`` are marked, as in the notation's JSON.
"""

from __future__ import annotations

from decimal import Decimal

from ddbcfg_client.format.numbers import number_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: A map, list, str, int, Decimal, bool or None.
    Tree = object

_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
# YAML 1.1 reads these as booleans or null if they are not quoted.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def marked(value: object) -> Tree:
    """Return ``value`` with markers; maps are sorted by key.

    Raise TypeError for a type that DynamoDB does not have.
    """
    if isinstance(value, dict):
        tree = {key: marked(value[key]) for key in sorted(value)}
        return {"$map": tree} if any(key[:1] == "$" for key in tree) else tree
    if isinstance(value, list):
        return [marked(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"$set": [marked(item) for item in sorted(value)]}
    if isinstance(value, bytes):
        from binascii import b2a_base64

        return {"$binary": b2a_base64(value, newline=False).decode()}
    if value is None or isinstance(value, (str, bool, int, Decimal)):
        return value
    raise TypeError(f"DynamoDB has no type for {type(value).__name__}")


def is_block(tree: Tree) -> bool:
    """Return whether this is written as a separate block: a map, except a marked value."""
    return isinstance(tree, dict) and not tree.keys() & {"$set", "$binary"}


def inline(tree: Tree, key: Callable[[str], str], separator: str) -> str:
    """Return ``tree`` on one line; ``separator`` follows a ``key`` of a map."""
    if isinstance(tree, dict):
        parts = [f"{key(name)}{separator}{inline(tree[name], key, separator)}" for name in tree]
        return f"{{{', '.join(parts)}}}"
    if isinstance(tree, list):
        return f"[{', '.join(inline(item, key, separator) for item in tree)}]"
    if isinstance(tree, str):
        return quoted(tree)
    if tree is None or isinstance(tree, bool):
        return {None: "null", True: "true", False: "false"}[tree]
    assert isinstance(tree, (int, Decimal))
    return number_text(Decimal(tree))


def quoted(text: str) -> str:
    """Return a string as TOML and YAML both read it; all that is not printable is escaped."""
    return f'"{"".join(map(_escaped, text))}"'


def key_text(name: str) -> str:
    """Return a key as it is, or quoted if one of the two would read it as something else."""
    plain = bool(name) and _PLAIN.issuperset(name) and name[0].isalpha()
    return name if plain and name.lower() not in _WORDS else quoted(name)


def sorted_tree(stores: Mapping[str, Mapping[str, Mapping[str, object]]]) -> dict[str, Tree]:
    """Return store → option → key → value with markers."""
    tree = marked(stores)
    assert isinstance(tree, dict)
    return tree


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
