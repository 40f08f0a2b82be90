"""How much of a store may go at once: the rule, which the daemon's guard and ``check`` share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

_FEW = 10  # options; below that, losing half of them is nothing unusual


def shrinkage(
    before: Collection[str], after: Collection[str], max_shrink: float, allow_empty: bool
) -> str | None:
    """What is suspicious about ``after`` following ``before`` (option names); None when nothing is.

    All options gone, unless ``allow_empty``; or more than ``max_shrink`` percent of 10 or more.
    """
    if not before:
        return None
    if not after:
        return None if allow_empty else f"all of {len(before)} options are gone"
    lost = sum(option not in after for option in before)
    if len(before) >= _FEW and lost * 100 > len(before) * max_shrink:
        return f"{lost} of {len(before)} options are gone, more than {max_shrink:g} %"
    return None
