"""Which options differ between two contents of a store, by name."""

from __future__ import annotations

from operator import eq
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Differences(NamedTuple):
    """The names of the options that were added, changed and removed, each in order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], same: Callable[[Any, Any], bool] = eq
) -> Differences:
    """Return the differences between ``before`` and ``after``; ``same`` compares two options.

    Names are compared one by one: a set of all names of a million options would take 100 MB.
    """
    return Differences(
        tuple(sorted(name for name in after if name not in before)),
        tuple(
            sorted(name for name in after if name in before and not same(before[name], after[name]))
        ),
        tuple(sorted(name for name in before if name not in after)),
    )
