"""Describe in the log what a new generation changed: names only, because values can be secrets."""

from __future__ import annotations

from collections.abc import Mapping

from ddbcfg_client.format.differences import differences
from ddbcfg_client.printable import listed


def changes(before: Mapping[str, bytes] | None, after: Mapping[str, bytes]) -> str:
    """Return which options changed, were added and removed; empty if ``before`` is None."""
    if before is None:
        return ""
    found = differences(before, after)
    parts = (("changed", found.changed), ("added", found.added), ("removed", found.removed))
    return "".join(f"; {verb} {listed(names)}" for verb, names in parts if names)
