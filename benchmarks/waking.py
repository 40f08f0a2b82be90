"""How soon processes that wait are awake after an announcement, and what waiting costs at rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Figures, count, duration, durations
from benchmarks.stores import STORE, changed, db_attributes, packed, reading, unique_namespace
from benchmarks.tables import table
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.publisher import Publisher

_WAITERS = (0, 1, 64)
_PAUSE = 0.1  # seconds between two announcements
_REST = 10  # seconds; fewer if in a hurry
_OPTIONS = 100


def measure(effort: Effort) -> dict[str, Any]:
    """For each number of waiters: nanoseconds to awake, of the announcement, and cost at rest."""
    return {str(waiters): _with(waiters, effort) for waiters in _WAITERS}


def _with(waiters: int, effort: Effort) -> dict[str, Any]:
    steps: dict[str, int] = {}

    def at(step: str) -> None:
        steps[step] = time.monotonic_ns()

    store = packed(_OPTIONS)
    made = Publisher(Names(unique_namespace(), STORE), Access(mode=0o644), at=at)
    announcing, awake, rests = [], [], []
    with ExitStack() as stack:
        stack.callback(made.remove)
        made.publish(reading(store))
        children = [
            stack.enter_context(Child("waiter", made.names.namespace)) for _ in range(waiters)
        ]
        for child in children:
            child.tell("wait", made.generation + effort.rounds)
        announced = {}
        for version in range(1, effort.rounds + 1):
            time.sleep(_PAUSE)
            store = changed(store, "db", db_attributes(version))
            made.verify()
            made.publish(reading(store))
            announced[made.generation] = steps["announce"]
            announcing.append(steps["release"] - steps["announce"])
        for child in children:
            times = {int(generation): there for generation, there in child.answer().items()}
            for generation, then in announced.items():
                # One that was missed came with a later one.
                woken = min(one for later, one in times.items() if later >= generation)
                awake.append(woken - then)
        for child in children:
            child.tell("rest", _REST if effort.rounds > 10 else 2)
        rests = [child.answer() for child in children]
    return {"awake": awake, "announcing": announcing, "rests": rests}


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each number of waiting processes."""
    rows = []
    for waiters, found in measured.items():
        announcing = durations(found["announcing"])
        if not found["awake"]:
            rows.append([count(int(waiters)), "", "", "", announcing, "", ""])
            continue
        ordered = sorted(found["awake"])
        rows.append(
            [
                count(int(waiters)),
                duration(Figures.of(ordered).median),
                duration(p99(measured, waiters)),
                duration(ordered[-1]),
                announcing,
                f"{wakes(measured, waiters):.2f}",
                f"{share(measured, waiters):.3f} %",
            ]
        )
    headings = (
        "waiting processes",
        "announcement to awake, median",
        "99th percentile",
        "longest",
        "announcing",
        "wake-ups a second at rest",
        "CPU at rest",
    )
    return table(headings, rows)


def p99(measured: Mapping[str, Any], waiters: str) -> float:
    """Nanoseconds to awake that one in a hundred takes longer than."""
    ordered = sorted(measured[waiters]["awake"])
    return float(ordered[int(0.99 * (len(ordered) - 1))])


def wakes(measured: Mapping[str, Any], waiters: str) -> float:
    """Wake-ups a second of a process that waits, the most of any."""
    return float(max(rest["wakes"] for rest in measured[waiters]["rests"]))


def share(measured: Mapping[str, Any], waiters: str) -> float:
    """Percent of a CPU that a process takes at rest, the median."""
    return Figures.of([rest["cpu"] for rest in measured[waiters]["rests"]]).median / 1e7
