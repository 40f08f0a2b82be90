"""What publishing costs the daemon, by size of the store."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from benchmarks.effort import Effort
from benchmarks.figures import Both, count, durations, quotient, ratio
from benchmarks.rounds import turns
from benchmarks.stores import (
    Attributes,
    attributes,
    changed,
    name_of,
    options,
    packed,
    publisher,
    reading,
)
from benchmarks.tables import table
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.publishing.objects import Access, allocate, create, unlink, write

ONE = "one option changed"
FLOOR = "packing it and writing a segment's bytes"
FREEING = "freeing such a segment, at the next poll"
ALL = "all options, from scratch"


def measure(effort: Effort) -> dict[str, dict[str, list[int]]]:
    """Nanoseconds of each round, by size and what was done."""
    found: dict[str, dict[str, list[int]]] = {str(size): {} for size in effort.sizes}
    with ExitStack() as stack:
        stores = {size: _Store(size, stack) for size in effort.sizes}
        for size in turns(effort.sizes, effort.few * 2, effort.patience):
            for what, nanoseconds in stores[size].take().items():
                found[str(size)].setdefault(what, []).append(nanoseconds)
    return found


class _Store:
    """A published store of one size."""

    def __init__(self, size: int, stack: ExitStack) -> None:
        self._size = size
        self._store = packed(size)
        self._attributes = list(options(size))
        self._publisher = stack.enter_context(publisher(self._store))
        self._version = 0

    def take(self) -> dict[str, int]:
        """Nanoseconds of each, once."""
        self._version += 1
        name = name_of(self._size - 1)
        keys = attributes(self._size - 1, self._version)
        self._store = changed(self._store, name, keys)
        read = reading(self._store)
        start = time.perf_counter_ns()
        self._publisher.publish(read)
        one = time.perf_counter_ns() - start
        snapshot = self._publisher.snapshot
        assert snapshot is not None
        floor, freeing = _floor(name, keys, snapshot.size)
        taken = {ONE: one, FLOOR: floor, FREEING: freeing, ALL: self._from_scratch()}
        # As the next poll does, before it reads: it frees the segment that was replaced.
        self._publisher.verify()
        return taken

    def _from_scratch(self) -> int:
        with publisher() as fresh:
            start = time.perf_counter_ns()
            store = {name: pack_option(name, keys) for name, keys in self._attributes}
            fresh.publish(reading(store))
            return time.perf_counter_ns() - start


def _floor(name: str, keys: Attributes, size: int) -> tuple[int, int]:
    """What publishing cannot do without: fresh shared memory, as large, and its bytes in it.

    And what freeing it takes, as the next poll does with the segment that was replaced.
    """
    segment = f"/bench-{uuid4().hex}"
    content = b"\x01" * size
    start = time.perf_counter_ns()
    pack_option(name, keys)
    fd = create(segment, Access())
    allocate(fd, segment, size, lambda: 0)
    write(fd, [content])
    os.close(fd)
    written = time.perf_counter_ns()
    unlink(segment)
    return written - start, time.perf_counter_ns() - written


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each size."""
    rows = []
    for size, found in measured.items():
        rows.append(
            (
                count(int(size)),
                durations(found[ONE]),
                durations(found[FLOOR]),
                ratio(times_floor(found).typical),
                ratio(times_floor(found).quiet),
                durations(found[FREEING]),
                durations(found[ALL]),
            )
        )
    return table(("options", ONE, FLOOR, "ratio", "of the least", FREEING, ALL), rows)


def times_floor(found: Mapping[str, list[int]]) -> Both:
    """How many times what packing and writing alone take."""
    return quotient(found[ONE], found[FLOOR])
