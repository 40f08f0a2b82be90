"""What objects that are made from options cost, when nothing has changed, beside a dict lookup."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Both, Figures, duration, ratio, rounded
from benchmarks.stores import packed, publisher
from benchmarks.tables import table

LOOKUP = 'dict `d["db"]`'
GET = '`config.get("db")`'
BOUND = '`pool()`, with `pool = config.bind("db", make)`'
TYPED = '`config.get("db", as_=Database)`'
KEEP_VALID = '`config.get("db", as_=Database, keep_valid=True)`'

_READERS = {"compiled": "compiled", "python": "Python"}


def measure(effort: Effort) -> dict[str, Any]:
    """Nanoseconds of each round, by reader and way."""
    with publisher(packed(1_000)) as published, ExitStack() as stack:

        def start(settings: Mapping[str, str]) -> Child:
            arguments = published.names.namespace, str(effort.slice)
            return stack.enter_context(Child("object_reading", *arguments, settings=settings))

        children = [start({})]
        if children[0].ready["reader"] != "python":
            children.append(start({"DDBCFG_PURE": "1"}))
        samples: dict[str, dict[str, list[float]]] = {}
        for _ in range(effort.rounds):
            for child in children:
                ways = samples.setdefault(child.ready["reader"], {})
                for way, taken in child.ask("round").items():
                    ways.setdefault(way, []).append(rounded(taken))
    return {"nanoseconds": samples}


def times_lookup(measured: Mapping[str, Any], way: str, reader: str) -> Both:
    """How many dict lookups of the same process a way costs."""
    ways = measured["nanoseconds"][reader]
    lookup, figures = Figures.of(ways[LOOKUP]), Figures.of(ways[way])
    return Both(figures.median / lookup.median, figures.least / lookup.least)


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each way and reader."""
    lines = []
    for reader, ways in measured["nanoseconds"].items():
        for way in (LOOKUP, GET, BOUND, TYPED, KEEP_VALID):
            figures = Figures.of(ways[way])
            times = times_lookup(measured, way, reader)
            taken = (duration(time) for time in (figures.median, figures.least, figures.p90))
            label = f"{way}, {_READERS[reader]}"
            lines.append((label, *taken, ratio(times.typical), ratio(times.quiet)))
    headings = ("one call", "median", "min", "p90", "median / dict's", "min / dict's")
    return table(headings, lines)
