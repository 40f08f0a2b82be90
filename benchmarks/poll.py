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

POLL, QUERY, LARGE = "poll", "query", "large"  # what a child answers


def measure(effort: Effort) -> dict[str, dict[str, list[int]]]:
    """Nanoseconds of CPU time of each round, by size and what was done."""
    found: dict[str, dict[str, list[int]]] = {str(size): {} for size in effort.sizes}
    with ExitStack() as stack:
        url = stack.enter_context(Child("endpoint", *map(str, effort.sizes))).ready["url"]
        children = {
            size: stack.enter_context(Child("polling", url, str(size))) for size in effort.sizes
        }
        for size in turns(effort.sizes, effort.few * 2, effort.patience):
            # By turns, the first comes after the longer pause, and after the large pages.
            done = len(found[str(size)].get(POLL, ()))
            for what in (*((POLL, QUERY) if done % 2 else (QUERY, POLL)), LARGE):
                found[str(size)].setdefault(what, []).append(children[size].ask(what))
    return found


def beyond(found: Mapping[str, list[int]]) -> Both:
    """The share that a poll takes beyond what botocore takes for the same requests."""
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
            durations(found[LARGE]),
        )
        for size, found in measured.items()
    ]
    headings = (
        "options",
        "poll, nothing changed: CPU time",
        "botocore's `query` alone",
        "more",
        "of the least",
        "botocore's, in pages of 1 MB",
    )
    return table(headings, rows)
