"""Writing stores as YAML: maps as blocks, everything in them in flow style, strings quoted.

A library would be a dependency for what is a few lines if every string is quoted: no text can then
be read as a date, a boolean or a number.
"""

from __future__ import annotations

from ddbcfg_client.notation.marked import inline, is_block, key_text, sorted_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ddbcfg_client.notation.marked import Tree

# YAML finds the end of a key only within 1,024 characters, unless a "?" stands before it.
_LONGEST = 1000


def as_yaml(stores: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
    """Return store → option → key → value as sorted YAML in the notation."""
    tree = sorted_tree(stores)
    return "\n".join([*_block(tree, ""), ""]) if tree else "{}\n"


def _block(tree: dict[str, Tree], margin: str) -> Iterator[str]:
    for name, value in tree.items():
        key = _key(name)
        # After a "?", the colon is on its own line.
        start = f"{margin}{key}\n{margin}:" if key[:1] == "?" else f"{margin}{key}:"
        if is_block(value) and value:
            assert isinstance(value, dict)
            yield start
            yield from _block(value, margin + "  ")
        else:
            yield f"{start} {inline(value, _key, ': ')}"


def _key(name: str) -> str:
    text = key_text(name)
    return f"? {text}" if len(text) > _LONGEST else text
