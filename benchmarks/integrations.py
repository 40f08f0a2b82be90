"""What the integrations cost when nothing has changed: beside a dict lookup, and the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.figures import Both, Figures, duration, quotient, ratio, rounded, short
from benchmarks.stores import changed, packed, publisher
from benchmarks.tables import table

LOOKUP = 'dict `d["db"]`'
CURRENT = "`current(Settings)`"
EVALUATION = '`client.get_boolean_value("f", False, context)`'
SHARE = "… of that, in the provider"
TARGETED = "the same, with a rule"
TARGETED_SHARE = "… of that, in the provider, with a rule"
WAYS = (LOOKUP, CURRENT, EVALUATION, SHARE, TARGETED, TARGETED_SHARE)

_FLAG: dict[str, dict[str, Any]] = {
    "variants": {"M": {"on": {"BOOL": True}, "off": {"BOOL": False}}},
    "default_variant": {"S": "on"},
}
_RULE: dict[str, Any] = {
    "L": [{"M": {"if": {"M": {"plan": {"S": "free"}}}, "variant": {"S": "off"}}}]
}


def measure(effort: Effort) -> dict[str, Any]:
    """Nanoseconds of each round, by way."""
    store = changed(packed(1_000), "flag.f", _FLAG)
    store = changed(store, "flag.t", {**_FLAG, "targeting": _RULE})
    with (
        publisher(store) as published,
        Child("integration_use", published.names.namespace, str(effort.slice)) as child,
    ):
        samples: dict[str, list[float]] = {}
        for _ in range(effort.rounds):
            for way, taken in child.ask("round").items():
                samples.setdefault(way, []).append(rounded(taken))
    return {"nanoseconds": samples}


def times_lookup(measured: Mapping[str, Any], way: str) -> Both:
    """How many dict lookups of the same process a way costs."""
    ways = measured["nanoseconds"]
    lookup, figures = Figures.of(ways[LOOKUP]), Figures.of(ways[way])
    return Both(figures.median / lookup.median, figures.least / lookup.least)


def share(measured: Mapping[str, Any], way: str, whole: str) -> Both:
    """How many percent of an evaluation are the provider's."""
    ways = measured["nanoseconds"]
    times = quotient(ways[way], ways[whole])
    return Both(100 * times.typical, 100 * times.quiet)


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each way."""
    lines = []
    for way in WAYS:
        figures = Figures.of(measured["nanoseconds"][way])
        taken = [duration(time) for time in (figures.median, figures.least, figures.p90)]
        if way in (LOOKUP, CURRENT):
            both = times_lookup(measured, way)
            beside = ratio(both.typical), ratio(both.quiet)
        elif way in (SHARE, TARGETED_SHARE):
            both = share(measured, way, EVALUATION if way == SHARE else TARGETED)
            beside = f"{short(both.typical)} %", f"{short(both.quiet)} %"
        else:
            beside = "", ""
        lines.append((way, *taken, *beside))
    headings = ("one call", "median", "min", "p90", "beside the dict's, or the SDK's", "min")
    return table(headings, lines)
