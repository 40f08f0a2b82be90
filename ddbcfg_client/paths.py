"""The path to a value inside an option, as errors show it: ``db.replicas[0].port``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def path_text(option: str, steps: Iterable[str | int]) -> str:
    """Return the path from ``option`` over keys and indexes.

    A key that is not a plain word is quoted, so that a path can be read in one way only.
    """
    text = option
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.isprintable() and step and not set(step) & set(".[]'\" "):
            text += f".{step}"
        else:
            text += f"[{step!r}]"
    return text
