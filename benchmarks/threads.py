"""How reads scale over the threads of one process, beside a dict of the same objects."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Mapping
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Both, quotient, ratio, rounded, short
from benchmarks.stores import packed, publisher
from benchmarks.tables import table

_READS = 300_000  # of each thread, in one turn
# The child also imports what publishes, and with it posix_ipc, which would turn the GIL on.
_GIL = {"PYTHON_GIL": "0"} if sysconfig.get_config_var("Py_GIL_DISABLED") else {}


def measure(effort: Effort) -> dict[str, Any]:
    """Reads a second of all threads together, in each round, by way and number of threads."""
    numbers = range(1, max(2, len(os.sched_getaffinity(0))) + 1)
    rates: dict[str, dict[str, list[float]]] = {}
    with (
        publisher(packed(1_000)) as published,
        Child("thread_reading", published.names.namespace, str(_READS), settings=_GIL) as child,
    ):
        for _ in range(effort.few):
            for number in numbers:
                for way, rate in child.ask("round", number).items():
                    rates.setdefault(way, {}).setdefault(str(number), []).append(rounded(rate))
        return {"reader": child.ready["reader"], "gil": child.ready["gil"], "rates": rates}


def speed_up(measured: Mapping[str, Any], way: str, number: str) -> Both:
    """How many times what one thread reads, all do together; quiet: each in its best round."""
    many, one = measured["rates"][way][number], measured["rates"][way]["1"]
    return Both(quotient(many, one).typical, max(many) / max(one))


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each way and number of threads."""
    rows = []
    for way, by_number in measured["rates"].items():
        for number, samples in by_number.items():
            times = speed_up(measured, way, number)
            best = f"{short(max(samples) / 1e6)} million"
            rows.append((way, number, best, ratio(times.typical), ratio(times.quiet)))
    headings = (
        "one read",
        "threads",
        "reads a second, best",
        "to one thread",
        "in the best rounds",
    )
    gil = "with the GIL" if measured["gil"] else "without the GIL"
    return table(headings, rows) + f"\nThe reader is {measured['reader']}, {gil}.\n"
