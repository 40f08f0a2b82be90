"""The plots: one SVG for each part that has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks import capacity, poll, publish, read, start, take_up, throughput
from benchmarks.alternatives.plain_dict import LOOKUP, LOOP
from benchmarks.figures import Figures, count, memory
from benchmarks.fleet import plots as fleet_plots
from benchmarks.plotting import (
    BASE,
    OTHERS,
    OURS,
    OURS_COLD,
    OURS_TOO,
    STYLE,
    WIDTH,
    bars,
    on_log_axes,
    panels,
    plot,
    round_duration,
    without_zeros,
)


def draw(folder: Path, parts: Mapping[str, Any]) -> None:
    """Write the plots of what was measured."""
    with mpl.rc_context(STYLE):
        for plot_name, (figure_of, needed) in _PLOTS.items():
            if all(part in parts for part in needed):
                figure = figure_of(*(parts[part] for part in needed))
                path = folder / f"{plot_name}.svg"
                figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", pad_inches=0.15)


# --- bars ----------------------------------------------------------------------------------------


def _read(measured: Mapping[str, Any]) -> Figure:
    rows = []
    for way, reader, figures, to_lookup in read.rows(measured):
        main = read.is_main(measured, reader)
        if read.is_ours(way):
            label, colour = f"{way}, {read.READERS[reader]}", OURS if main else OURS_TOO
        elif main and way != LOOP:
            label, colour = way, BASE if way == LOOKUP else OTHERS
        else:
            continue
        rows.append((label, figures.median, to_lookup.typical, colour))
    title = "One read: the median, and its ratio to a dict lookup in the same process"
    figure, axes = bars(title, rows)
    least, most = rows[0][1] / 2, rows[-1][1]
    axes.set_xscale("log")
    axes.set_xlim(least, most * 60)  # room for what stands behind the longest bar
    axes.set_xticks([10.0**power for power in range(1, 10) if least < 10.0**power <= most * 2])
    axes.xaxis.set_major_formatter(FuncFormatter(round_duration))
    return figure


def _start(measured: Mapping[str, Any]) -> Figure:
    colours = {start.PASS: BASE, start.CONNECT: OURS, start.COMMAND: OURS}
    rows = [
        (
            what,
            Figures.of(samples).median,
            start.times_pass(measured, what).typical,
            colours.get(what, OTHERS),
        )
        for what, samples in measured.items()
    ]
    title = "One whole process: the median, and its ratio to one that does nothing"
    figure, axes = bars(title, rows)
    axes.set_xlim(0, max(value for _, value, _, _ in rows) * 1.25)
    axes.xaxis.set_major_formatter(FuncFormatter(round_duration))
    return figure


# --- lines ---------------------------------------------------------------------------------------


def _take_up(measured: Mapping[str, Any]) -> Figure:
    figure, (left, right) = panels("First read after a change", "Private memory of a worker")
    sizes = [int(size) for size in measured]
    cases = (take_up.WHOLE, *reversed(take_up.READS))
    found = [of["taken"] for of in measured.values()]
    taken = {
        case: ([Figures.of(of[case]["nanoseconds"]).median for of in found], colour)
        for case, colour in zip(cases, (BASE, OURS_COLD, OURS, OURS_TOO), strict=True)
    }
    on_log_axes(left, sizes, taken, round_duration)
    kinds = (
        (take_up.DDBCFG, "3 options read with ddbcfg", OURS),
        (take_up.WHOLE, take_up.WHOLE, BASE),
    )
    private = {
        label: ([take_up.private_bytes(of, kind) for of in measured.values()], colour)
        for kind, label, colour in kinds
    }
    on_log_axes(right, sizes, private, lambda size: without_zeros(memory(size)))
    return figure


def _publish(published: Mapping[str, Any], polled: Mapping[str, Any]) -> Figure:
    figure, (left, right) = panels("Publishing", "A poll that finds nothing new: CPU time")
    kinds = ((publish.ONE, OURS), (publish.ALL, OURS_TOO), (publish.FLOOR, BASE))
    lines = {kind: (_medians(published, kind), colour) for kind, colour in kinds}
    on_log_axes(left, [int(size) for size in published], lines, round_duration)
    lines = {
        "poll": (_medians(polled, poll.POLL), OURS),
        "botocore's query alone": (_medians(polled, poll.QUERY), BASE),
    }
    on_log_axes(right, [int(size) for size in polled], lines, round_duration)
    return figure


def _medians(measured: Mapping[str, Any], kind: str) -> list[float]:
    return [Figures.of(found[kind]).median for found in measured.values()]


def _throughput(measured: Mapping[str, Any]) -> Figure:
    title = f"Reads a second, a new generation each 10 ms, {measured['cores']} cores"
    figure, (axes,) = panels(title, width=0.7 * WIDTH)
    kinds = (
        (throughput.CONTROL, "a dict in each process: what the machine gives", BASE),
        (throughput.DDBCFG, "ddbcfg", OURS),
    )
    numbers = [int(number) for number in measured["rates"][throughput.DDBCFG]]
    lines = {
        label: ([throughput.total(measured, kind, n).median / 1e6 for n in numbers], colour)
        for kind, label, colour in kinds
    }
    plot(axes, numbers, lines, "processes that read")
    axes.set_ylabel("million reads, all together")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
    axes.legend(loc="upper left")
    return figure


def _capacity(measured: Mapping[str, Any]) -> Figure:
    figure, both = panels("Calls an hour", "Read units an hour")
    size = str(capacity.SHOWN)
    title = f"DynamoDB, for a host whose store has {count(capacity.SHOWN)} options"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    kinds = ((capacity.DAEMON, OURS), (capacity.POLLERS, BASE), (capacity.AT_EACH_READ, OTHERS))
    for axes, of in zip(both, ("calls", "units"), strict=True):
        lines = {
            who: ([capacity.per_hour(measured[size], of, who, n) for n in capacity.WORKERS], colour)
            for who, colour in kinds
        }
        on_log_axes(axes, capacity.WORKERS, lines, lambda n: f"{n:,.0f}", "workers on the host")
    return figure


# Each plot, and the parts that it shows.
_PLOTS: dict[str, tuple[Callable[..., Figure], tuple[str, ...]]] = {
    "performance-read": (_read, ("read",)),
    "performance-take-up": (_take_up, ("take-up",)),
    "performance-throughput": (_throughput, ("throughput",)),
    "performance-publish": (_publish, ("publish", "poll")),
    "performance-start": (_start, ("start",)),
    "performance-capacity": (_capacity, ("capacity",)),
    "fleet-at-rest": (fleet_plots.at_rest, ("fleet",)),
    "fleet-change": (fleet_plots.after_a_change, ("fleet",)),
}
