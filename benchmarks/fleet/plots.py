"""The plots of docs/fleet.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from benchmarks.figures import count
from benchmarks.fleet.scenarios import SIZES, WITH, WITHOUT
from benchmarks.fleet.simulation.partition import RATE
from benchmarks.plotting import BASE, OTHERS, OURS, OURS_TOO, on_log_axes, panels

_INTERVAL = 10.0
_GREYS = ("#cbd5e1", OTHERS, BASE)


def at_rest(measured: Mapping[str, Any]) -> Figure:
    """Units a second of fleets whose store does not change."""
    found = [of for of in measured["simulated"]["idle"] if of["interval"] == _INTERVAL]
    hosts = [of["hosts"] for of in found]
    title = f"A fleet at rest, a poll each {_INTERVAL:g} s: read units a second"
    figure, (axes,) = panels(title, width=6.5)
    without = {
        f"{size}, without revisions": ([of[f"{size} without revisions"]["rate"] for of in found], c)
        for size, c in zip(SIZES, _GREYS, strict=True)
    }
    size = next(reversed(SIZES))
    lines = without | {
        f"{size}, with revisions and a full poll an hour": (
            [of[f"{size} with full polls"]["rate"] for of in found],
            OURS_TOO,
        ),
        "any size, with revisions, between full polls": (
            [of["revision item"]["rate"] for of in found],
            OURS,
        ),
    }
    on_log_axes(axes, hosts, lines, lambda units: f"{units:,.0f}", "hosts")
    axes.axhline(RATE, color=BASE, linewidth=0.8, linestyle="--")
    axes.annotate(
        f"one partition: {RATE:,.0f}",
        (hosts[0], RATE),
        (0, 4),
        textcoords="offset points",
        color=BASE,
    )
    return figure


def after_a_change(measured: Mapping[str, Any]) -> Figure:
    """The share of hosts that have a change, by time."""
    changes = measured["simulated"]["change"]
    titles = [
        f"{count(of['hosts'])} hosts, each {of['interval']:g} s, {of['size']}" for of in changes
    ]
    chosen = [0, len(changes) - 1] if len(changes) > 1 else [0]
    figure, both = panels(*(titles[at] for at in chosen))
    for axes, at in zip(both, chosen, strict=True):
        for kind, colour in ((WITH, OURS), (WITHOUT, OTHERS)):
            late = changes[at][kind]["late"]
            axes.plot(late, range(len(late)), color=colour, label=kind)
        axes.set_xlabel("seconds after the change")
        axes.set_ylabel("% of the hosts have it")
        axes.set_ylim(0, 105)
        axes.set_xlim(0, None)
        axes.legend(loc="lower right")
    return figure
