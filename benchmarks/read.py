"""What a read costs, beside what else there is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.alternatives import ELSEWHERE, IN_EVERY_PROCESS
from benchmarks.alternatives.plain_dict import LOOKUP
from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Both, Figures, duration, ratio, rounded
from benchmarks.stores import packed, publisher
from benchmarks.tables import table

READERS = {"compiled": "compiled", "python": "Python"}
_OPTIONS = 1_000  # of the store that is published; it makes no difference to a read


def measure(effort: Effort) -> dict[str, Any]:
    """Nanoseconds of each round, by reader and way; what was skipped, and why.

    A process has one reader, so there are two that read, and their rounds take turns.
    """
    with publisher(packed(_OPTIONS)) as published, ExitStack() as stack:
        namespace = published.names.namespace
        everything = ",".join((*IN_EVERY_PROCESS, *ELSEWHERE))
        common = ",".join(IN_EVERY_PROCESS)

        def start(modules: str, settings: Mapping[str, str]) -> Child:
            arguments = (namespace, str(effort.slice), modules, ",".join(effort.only))
            return stack.enter_context(Child("reading", *arguments, settings=settings))

        children = [start(everything, {})]
        if children[0].ready["reader"] != "python":
            children.append(start(common, {"DDBCFG_PURE": "1"}))
        samples: dict[str, dict[str, list[float]]] = {}
        for _ in range(effort.rounds):
            for child in children:
                ways = samples.setdefault(child.ready["reader"], {})
                for way, taken in child.ask("round").items():
                    ways.setdefault(way, []).append(rounded(taken))
    return {"nanoseconds": samples, "skipped": children[0].ready["skipped"]}


def rows(measured: Mapping[str, Any]) -> list[tuple[str, str, Figures, Both]]:
    """Way, reader, figures in ns, and times a dict lookup of the same process; cheapest first."""
    found = []
    for reader, ways in measured["nanoseconds"].items():
        lookup = Figures.of(ways[LOOKUP])
        for way, samples in ways.items():
            figures = Figures.of(samples)
            times = Both(figures.median / lookup.median, figures.least / lookup.least)
            found.append((way, reader, figures, times))
    return sorted(found, key=lambda row: row[2].median)


def is_ours(way: str) -> bool:
    """Whether it is a way to read shared memory, which is the only one that knows readers."""
    return way.startswith("ddbcfg")


def is_main(measured: Mapping[str, Any], reader: str) -> bool:
    """Whether the process of this reader is the one that measured everything."""
    main, *_ = measured["nanoseconds"]
    return bool(reader == main)


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each way."""
    lines = []
    for way, reader, figures, to_lookup in rows(measured):
        label = way
        if is_ours(way):
            label = f"**{way}**, {READERS[reader]}"
        elif not is_main(measured, reader):
            if way != LOOKUP:
                continue
            label = f"{way}, in the process of the Python reader"
        taken = (duration(time) for time in (figures.median, figures.least, figures.p90))
        lines.append((label, *taken, ratio(to_lookup.typical), ratio(to_lookup.quiet)))
    headings = ("one read", "median", "min", "p90", "median / dict's", "min / dict's")
    text = table(headings, lines)
    for module, reason in measured["skipped"].items():
        text += f"\nNot measured: {module} ({reason}).\n"
    return text
