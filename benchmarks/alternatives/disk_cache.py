"""diskcache: a cache in a file that any process reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A hit."""
    from diskcache import Cache

    with Cache(str(setting.folder / "diskcache")) as cache:
        cache["db"] = dict(DB)
        yield [Way("diskcache", 'cache["db"]', {"cache": cache})]
