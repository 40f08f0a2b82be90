"""What a new generation changed, in words for the log: names only, values can be secrets."""

from __future__ import annotations

from collections.abc import Mapping

from ddbcfg_client.format.differences import differences
from ddbcfg_client.printable import listed


def changes(before: Mapping[str, bytes] | None, after: Mapping[str, bytes]) -> str:
    """Which options changed, were added and removed; empty when nothing was known before."""
    if before is None:
        return ""
    found = differences(before, after)
    parts = (("changed", found.changed), ("added", found.added), ("removed", found.removed))
    return "".join(f"; {verb} {listed(names)}" for verb, names in parts if names)
