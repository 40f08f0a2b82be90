"""Writing stores as TOML, a table for each option; ``toml.py`` reads it back."""

from __future__ import annotations

from ddbcfg_client.errors import ValueRefused
from ddbcfg_client.notation.marked import inline, is_block, key_text, sorted_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ddbcfg_client.notation.marked import Tree


def as_toml(stores: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
    """Return store → option → key → value as sorted TOML in the notation.

    Raise ValueRefused for a null, which TOML does not have.
    """
    for options in stores.values():
        for name, option in options.items():
            for key, value in option.items():
                if _has_null(value):
                    reason = "TOML has no null; use another --format"
                    raise ValueRefused(name, key, reason)
    return "\n".join(_table(sorted_tree(stores), ())).lstrip("\n") + "\n"


def _table(tree: dict[str, Tree], path: tuple[str, ...]) -> Iterator[str]:
    # A table's own keys must come before its first subtable.
    lines = [
        f"{key_text(name)} = {inline(value, key_text, ' = ')}"
        for name, value in tree.items()
        if not is_block(value)
    ]
    if path and (lines or not tree):
        yield f"\n[{'.'.join(map(key_text, path))}]"
    yield from lines
    for name, value in tree.items():
        if is_block(value):
            assert isinstance(value, dict)
            yield from _table(value, (*path, name))


def _has_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None
