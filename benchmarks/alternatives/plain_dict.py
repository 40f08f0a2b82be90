"""A dict that nobody refreshes: what all others are compared with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB

LOOP = "the empty loop, part of every figure"
LOOKUP = 'dict `d["db"]`'


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A lookup, the method that does the same, and what the loop around them costs."""
    options = {"db": dict(DB)}
    yield [
        Way(LOOP, "None", {}),
        Way(LOOKUP, 'd["db"]', {"d": options}),
        Way('dict `d.get("db")`', 'd.get("db")', {"d": options}),
    ]
