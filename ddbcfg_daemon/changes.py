"""What a new generation changed, in words for the log: names only, values can be secrets."""

from __future__ import annotations

from collections.abc import Mapping

from ddbcfg_client.printable import listed


def changes(before: Mapping[str, bytes] | None, after: Mapping[str, bytes]) -> str:
    """Which options changed, were added and removed; empty when nothing was known before."""
    if before is None:
        return ""
    parts = (
        ("changed", [name for name in after if name in before and after[name] != before[name]]),
        ("added", after.keys() - before.keys()),
        ("removed", before.keys() - after.keys()),
    )
    return "".join(f"; {verb} {listed(names)}" for verb, names in parts if names)
