"""What the first read after a change costs, and what memory a worker has, by size of the store.

Publishing a large store takes long, and the worker waits meanwhile.  So that sizes can be compared,
the worker does the same just before each read, whatever the size: see ``worker.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgpack import packb

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Figures, count, durations, memory
from benchmarks.rounds import turns
from benchmarks.stores import (
    attributes,
    changed,
    db_attributes,
    name_of,
    options,
    packed,
    publisher,
    reading,
)
from benchmarks.tables import table
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option

OTHER = "another option changed (warm)"
OWN = "the option itself changed (warm)"
COLD = "the option itself changed (cold)"
WHOLE = "the whole store decoded"
READS = (OTHER, OWN, COLD)
DDBCFG = "ddbcfg"

_FRESH = 5  # processes whose memory is looked at, of each kind and size
_SMALL = 10  # options of the store that warms up


def measure(effort: Effort) -> dict[str, Any]:
    """For each size: nanoseconds and page faults by case, private bytes by kind of worker."""
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        small = stack.enter_context(publisher(packed(_SMALL))).names.namespace
        stores = {
            size: stack.enter_context(_Published(size).running(small)) for size in effort.sizes
        }
        for size, store in stores.items():
            found[str(size)] = {"memory": store.memory(min(_FRESH, effort.few)), "taken": {}}
        for size in turns(effort.sizes, effort.few, effort.patience):
            taken = found[str(size)]["taken"]
            for case, (nanoseconds, faults) in stores[size].take().items():
                samples = taken.setdefault(case, {"nanoseconds": [], "faults": []})
                samples["nanoseconds"].append(nanoseconds)
                samples["faults"].append(faults)
    return found


class _Published:
    """A store of one size, a worker that reads it, and one that holds a copy of all of it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._store = packed(size)
        self._version = 0

    @contextmanager
    def running(self, small: str) -> Iterator[_Published]:
        with (
            TemporaryDirectory(prefix="ddbcfg-bench-") as folder,
            publisher(self._store) as self._publisher,
        ):
            file = Path(folder) / "store.msgpack"
            file.write_bytes(packb(dict(_plain(self._size))))
            self._workers = {
                DDBCFG: ("ddbcfg", self._publisher.names.namespace, small),
                WHOLE: ("whole", str(file)),
            }
            with (
                Child("worker", *self._workers[DDBCFG]) as self._reader,
                Child("worker", *self._workers[WHOLE]) as self._holder,
            ):
                yield self

    def take(self) -> dict[str, tuple[int, int]]:
        """Nanoseconds and page faults of each case, once."""
        self._version += 1
        last = self._size - 1
        changes = [
            (OTHER, "warm", name_of(last), attributes(last, self._version)),
            (OWN, "warm", "db", db_attributes(2 * self._version)),
            (COLD, "cold", "db", db_attributes(2 * self._version + 1)),
        ]
        if self._version % 2:  # the first of them comes after a longer pause
            changes.reverse()
        taken = {}
        for case, before, name, keys in changes:
            self._store = changed(self._store, name, keys)
            # As at each poll: what the last one replaced is freed here, and by no reader.
            self._publisher.verify()
            self._publisher.publish(reading(self._store))
            taken[case] = self._reader.ask("take", before)
        return {**taken, WHOLE: self._holder.ask("take")}

    def memory(self, processes: int) -> dict[str, list[dict[str, int]]]:
        """By how many private bytes fresh processes grow, by kind."""
        found: dict[str, list[dict[str, int]]] = {kind: [] for kind in self._workers}
        for _ in range(processes):
            for kind, arguments in self._workers.items():
                with Child("worker", *arguments) as worker:
                    found[kind].append(worker.ready)
        return found


def _plain(size: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The store's options as a poller would keep them, numbers as strings."""
    for name, keys in options(size):
        values = unpack_option(pack_option(name, keys))
        yield name, {key: keys[key].get("N", values[key]) for key in keys}


def tables(measured: Mapping[str, Any]) -> str:
    """Take-up by size, and memory by size."""
    taken_up, remembered = [], []
    for size, found in measured.items():
        taken = found["taken"]
        taken_up.append(
            [
                count(int(size)),
                *(durations(taken[case]["nanoseconds"]) for case in READS),
                count(round(faults(found, *READS))),
                durations(taken[WHOLE]["nanoseconds"]),
                count(round(faults(found, WHOLE))),
            ]
        )
        kinds = [memory(private_bytes(found, kind)) for kind in (DDBCFG, WHOLE)]
        remembered.append([count(int(size)), *kinds])
    *_, largest = measured.values()
    headings = (*READS, "page faults", WHOLE, "page faults")
    importing = memory(private_bytes(largest, DDBCFG, "importing"))
    return (
        table(("options", *headings), taken_up)
        + "\n"
        + table(("options", "private memory for reading 3 options", f"…, {WHOLE}"), remembered)
        + f"\nImporting `ddbcfg_client` takes {importing} before that, at any size.\n"
    )


def faults(found: Mapping[str, Any], *cases: str) -> float:
    """The page faults of a read: the median of the case that has the most."""
    return max(Figures.of(found["taken"][case]["faults"]).median for case in cases)


def private_bytes(found: Mapping[str, Any], kind: str, step: str = "reading") -> float:
    """The private memory that a step takes of a worker, the median of some processes."""
    return Figures.of([grown[step] for grown in found["memory"][kind]]).median
