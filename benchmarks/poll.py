"""What a poll that finds nothing new costs, by size of the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Both, count, durations, quotient
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
            # By turns, the first comes after the longer pause.
            done = len(found[str(size)].get(POLL, ()))
            for what in (POLL, QUERY) if done % 2 else (QUERY, POLL):
                found[str(size)].setdefault(what, []).append(children[size].ask(what))
    return found


def beyond(found: Mapping[str, list[int]]) -> Both:
    """The share that a poll takes beyond botocore's part."""
    times = quotient(found[POLL], found[QUERY])
    return Both(times.typical - 1, times.quiet - 1)


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each size."""
    rows = [
        (
            count(int(size)),
            durations(found[POLL]),
            durations(found[QUERY]),
            f"{beyond(found).typical:+.0%}",
            f"{beyond(found).quiet:+.0%}",
        )
        for size, found in measured.items()
    ]
    what = ("poll, nothing changed: CPU time", "botocore's `query` alone")
    return table(("options", *what, "more", "of the least"), rows)
