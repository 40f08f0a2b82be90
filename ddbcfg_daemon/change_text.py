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
        # Not keys() - keys(): that copies all names before it leaves some out.
        ("added", [name for name in after if name not in before]),
        ("removed", [name for name in before if name not in after]),
    )
    return "".join(f"; {verb} {listed(names)}" for verb, names in parts if names)
