"""What a new generation changed, in words for the log: names only, values can be secrets."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES_LOGGED = 8


def changes(before: Mapping[str, bytes] | None, after: Mapping[str, bytes]) -> str:
    """Which options changed, were added and removed; empty when nothing was known before."""
    if before is None:
        return ""
    parts = (
        ("changed", [name for name in after if name in before and after[name] != before[name]]),
        ("added", after.keys() - before.keys()),
        ("removed", before.keys() - after.keys()),
    )
    return "".join(f"; {verb} {_listed(sorted(names))}" for verb, names in parts if names)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_LOGGED])
    more = len(names) - _NAMES_LOGGED
    return f"{shown} and {more} more" if more > 0 else shown
