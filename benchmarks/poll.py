"""What a poll that finds nothing new costs, by size of the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Figures, count, durations
from benchmarks.rounds import turns
from benchmarks.tables import table

POLL, QUERY = "poll", "query"


def measure(effort: Effort) -> dict[str, dict[str, list[int]]]:
    """Nanoseconds of CPU time of each round, by size and what was done."""
    found: dict[str, dict[str, list[int]]] = {str(size): {} for size in effort.sizes}
    with ExitStack() as stack:
        url = stack.enter_context(Child("endpoint", *map(str, effort.sizes))).ready["url"]
        children = {
            size: stack.enter_context(Child("polling", url, str(size))) for size in effort.sizes
        }
        for size in turns(effort.sizes, effort.few * 2, effort.patience):
            for what in (POLL, QUERY):
                found[str(size)].setdefault(what, []).append(children[size].ask(what))
    return found


def beyond(found: Mapping[str, list[int]]) -> float:
    """The share that a poll takes beyond botocore's part; of each round, and then the median."""
    pairs = zip(found[POLL], found[QUERY], strict=True)
    return Figures.of([poll / query for poll, query in pairs]).median - 1


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each size."""
    rows = [
        (
            count(int(size)),
            durations(found[POLL]),
            durations(found[QUERY]),
            f"{beyond(found):+.0%}",
        )
        for size, found in measured.items()
    ]
    headings = ("options", "poll, nothing changed: CPU time", "botocore's `query` alone", "more")
    return table(headings, rows)
