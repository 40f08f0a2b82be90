"""cachetools' TTLCache in each process, with the option in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB

_TTL = 3600.0  # seconds: longer than any run


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A hit, without the lock that several threads would need."""
    from cachetools import TTLCache

    cache: TTLCache[str, dict[str, object]] = TTLCache(maxsize=1000, ttl=_TTL)
    cache["db"] = dict(DB)
    yield [Way("cachetools TTLCache, a hit", 'cache["db"]', {"cache": cache})]
