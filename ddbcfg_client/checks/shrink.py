"""How many options a store may lose at once: a rule that the daemon's guard and ``check`` share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_FEW = 10  # options; with fewer, it is normal to lose half of them


def shrinkage(
    before: Collection[str], after: Collection[str], max_shrink: float, allow_empty: bool
) -> str | None:
    """Return what is suspicious about the names ``after`` replacing ``before``, or None.

    It is suspicious if all options are gone, unless ``allow_empty``, or if more than
    ``max_shrink`` percent of at least 10 options are gone.
    """
    if not before:
        return None
    if not after:
        if allow_empty:
            return None
        return (
            "its only option is gone"
            if len(before) == 1
            else f"all of {len(before)} options are gone"
        )
    lost = sum(option not in after for option in before)
    if len(before) >= _FEW and lost * 100 > len(before) * max_shrink:
        return f"{lost} of {len(before)} options are gone, more than {max_shrink:g} %"
    return None
