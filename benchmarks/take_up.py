"""What the first read after a change costs, and what memory a worker has, by size of the store."""

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
from ddbcfg_client.codec import value_of

OTHER = "another option changed"
OWN = "the option itself changed"
WHOLE = "the whole store decoded"
CASES = (OTHER, OWN, WHOLE)
DDBCFG = "ddbcfg"

_FRESH = 5  # processes whose memory is looked at, of each kind and size


def measure(effort: Effort) -> dict[str, Any]:
    """For each size: nanoseconds and page faults by case, private bytes by kind of worker."""
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        stores = {size: stack.enter_context(_Published(size).running()) for size in effort.sizes}
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
    def running(self) -> Iterator[_Published]:
        with (
            TemporaryDirectory(prefix="ddbcfg-bench-") as folder,
            publisher(self._store) as self._publisher,
        ):
            file = Path(folder) / "store.msgpack"
            file.write_bytes(packb(dict(_plain(self._size))))
            self._workers = {
                DDBCFG: ("ddbcfg", self._publisher.names.namespace),
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
            (OTHER, name_of(last), attributes(last, self._version)),
            (OWN, "db", db_attributes(self._version)),
        ]
        if self._version % 2:  # the first of them comes after a longer pause
            changes.reverse()
        taken = {}
        for case, name, keys in changes:
            self._store = changed(self._store, name, keys)
            self._publisher.publish(reading(self._store))
            taken[case] = self._reader.ask("take")
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
        yield (
            name,
            {key: keys[key]["N"] if "N" in keys[key] else value_of(keys[key]) for key in keys},
        )


def tables(measured: Mapping[str, Any]) -> str:
    """Take-up by size, and memory by size."""
    taken_up, remembered = [], []
    for size, found in measured.items():
        row = [count(int(size))]
        for case in CASES:
            taken = found["taken"][case]
            faults = round(Figures.of(taken["faults"]).median)
            row += [durations(taken["nanoseconds"]), count(faults)]
        taken_up.append(row)
        kinds = [memory(private_bytes(found, kind)) for kind in (DDBCFG, WHOLE)]
        remembered.append([count(int(size)), *kinds])
    *_, largest = measured.values()
    headings = [heading for case in CASES for heading in (case, "page faults")]
    importing = memory(private_bytes(largest, DDBCFG, "importing"))
    return (
        table(("options", *headings), taken_up)
        + "\n"
        + table(("options", "private memory for reading 3 options", f"…, {WHOLE}"), remembered)
        + f"\nImporting `ddbcfg_client` takes {importing} before that, at any size.\n"
    )


def private_bytes(found: Mapping[str, Any], kind: str, step: str = "reading") -> float:
    """The private memory that a step takes of a worker, the median of some processes."""
    return Figures.of([grown[step] for grown in found["memory"][kind]]).median
