"""What layers cost: publishing one changed option of one of four layers, and memory.

The same merged content is published from one store without layers, in turn, so the ratio is of one
run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.children import ROOT
from benchmarks.effort import Effort
from benchmarks.figures import duration, durations, memory, quotient, ratio
from benchmarks.rounds import turns
from benchmarks.stores import attributes, name_of, packed, publisher, reading
from benchmarks.tables import table
from ddbcfg_client.format.layering import KEYS, OPTIONS, Layering
from ddbcfg_client.format.values import pack_option

COUNT = 4  # layers
SIZE = 10_000  # options of each
ALONE = "one store, with what layers by {} make"
LAYERED = "four layers, by {}"
MEMORY = "memory, {}"
FIRST = "the first merge of four layers, by {}"


def measure(effort: Effort) -> dict[str, list[int]]:
    """Nanoseconds of each round, by what was done."""
    found: dict[str, list[int]] = {}
    with ExitStack() as stack:
        ways = [_Store(merge, stack) for merge in (OPTIONS, KEYS)]
        for way in turns(ways, effort.few * 2, effort.patience):
            for what, nanoseconds in way.take().items():
                found.setdefault(what, []).append(nanoseconds)
    return found | _memory()


class _Store:
    """Layers with the same options, and one store with what they make."""

    def __init__(self, merge: str, stack: ExitStack) -> None:
        self._merge = merge
        self._layers = [packed(SIZE) for _ in range(COUNT)]
        started = time.perf_counter_ns()
        self._merged = Layering.of(self._layers, merge)
        self._first = [time.perf_counter_ns() - started]
        self._plain = dict(self._merged.options)
        self._layered_publisher = stack.enter_context(publisher(self._merged.options))
        self._plain_publisher = stack.enter_context(publisher(self._plain))
        self._version = 0

    def take(self) -> dict[str, int]:
        """Nanoseconds of each, once."""
        self._version += 1
        name = name_of(SIZE - 1)
        keys = pack_option(name, attributes(SIZE - 1, self._version))
        # The layer that wins, so the merged store changes too.
        changed = {**self._layers[0], name: keys}
        plain = {**self._plain, name: keys}
        started = time.perf_counter_ns()
        self._merged = self._merged.follow([changed, *self._layers[1:]])
        self._layered_publisher.publish(reading(self._merged.options))
        layered = time.perf_counter_ns() - started
        started = time.perf_counter_ns()
        self._plain_publisher.publish(reading(plain))
        alone = time.perf_counter_ns() - started
        self._layers[0], self._plain = changed, plain
        # As the next poll does, before it reads: it frees the segment that was replaced.
        self._layered_publisher.verify()
        self._plain_publisher.verify()
        taken = {LAYERED.format(self._merge): layered, ALONE.format(self._merge): alone}
        if self._first:
            taken[FIRST.format(self._merge)] = self._first.pop()
        return taken


def _memory() -> dict[str, list[int]]:
    """Bytes that a process takes that publishes four layers, and one that publishes one store."""
    found = {}
    for what in ("plain", OPTIONS, KEYS):
        command = [sys.executable, "-m", "benchmarks.layers", what]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        found[MEMORY.format(what)] = [int(done.stdout)]
    return found


def _publish_once(what: str) -> int:
    """Publish like a daemon after its first poll; return this process's resident bytes."""
    layers = [packed(SIZE) for _ in range(1 if what == "plain" else COUNT)]
    merged = layers[0] if what == "plain" else Layering.of(layers, what).options
    with publisher(merged):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def tables(measured: Mapping[str, Sequence[int]]) -> str:
    """The tables: publishing, and memory."""
    rows = []
    for merge in (OPTIONS, KEYS):
        plain, layered = measured[ALONE.format(merge)], measured[LAYERED.format(merge)]
        both = quotient(layered, plain)
        first = duration(measured[FIRST.format(merge)][0])
        figures = (durations(plain), durations(layered), ratio(both.typical), ratio(both.quiet))
        rows.append((merge, *figures, first))
    head = ("merge", "one store", "one of four layers", "ratio", "of the least", "first merge")
    sizes = [memory(measured[MEMORY.format(what)][0]) for what in ("plain", OPTIONS, KEYS)]
    resident = table(
        ("", "one store", "four layers by options", "by keys"), [("resident memory", *sizes)]
    )
    return f"{table(head, rows)}\n{resident}"


if __name__ == "__main__":
    print(_publish_once(sys.argv[1]))
