"""The error of an attempt to change a shared value."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
    """Raise the TypeError that says why ``self`` cannot be changed, and what to do instead."""
    plain = "dict" if isinstance(self, dict) else "list" if isinstance(self, list) else "set"
    raise TypeError(
        f"this {plain} is configuration that the whole process shares and cannot be changed: "
        f"change a copy, {plain}(value)"
    )
