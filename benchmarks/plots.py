"""The plots: one SVG for each part that has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks import capacity, poll, publish, read, start, take_up, throughput
from benchmarks.alternatives.plain_dict import LOOKUP, LOOP
from benchmarks.figures import Figures, count, duration, memory, ratio

_OURS, _OURS_TOO, _OTHERS, _BASE = "#c2410c", "#fb923c", "#94a3b8", "#334155"
_OURS_COLD = "#38bdf8"  # of a read after other work
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#cbd5e1",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.titlesize": 11,
    "figure.facecolor": "white",
    "font.size": 9,
    "grid.color": "#e2e8f0",
    "legend.frameon": False,
    "lines.markersize": 4,
    "svg.hashsalt": "ddbcfg",  # the same figures make the same file
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}
_WIDTH = 8.5  # inches

Lines = Mapping[str, tuple[Sequence[float], str]]  # by label: a value for each size, and the colour


def draw(folder: Path, parts: Mapping[str, Any]) -> None:
    """Write ``performance-PART.svg`` for what was measured."""
    with mpl.rc_context(_STYLE):
        for part, (figure_of, needed) in _PLOTS.items():
            if all(name in parts for name in needed):
                figure = figure_of(*(parts[name] for name in needed))
                path = folder / f"performance-{part}.svg"
                figure.savefig(path, metadata={"Date": None}, bbox_inches="tight", pad_inches=0.15)


# --- bars ----------------------------------------------------------------------------------------


def _bars(title: str, rows: Sequence[tuple[str, float, float, str]]) -> tuple[Figure, Axes]:
    """Horizontal bars, the first row on top: label, nanoseconds, ratio, colour."""
    figure = Figure(figsize=(_WIDTH, 0.9 + 0.27 * len(rows)))
    axes = figure.add_subplot()
    places = range(len(rows))[::-1]
    colours = [colour for *_, colour in rows]
    axes.barh(places, [value for _, value, _, _ in rows], height=0.68, color=colours)
    for place, (_, value, times, _) in zip(places, rows, strict=True):
        text = f"{duration(value)}  ({ratio(times)})"
        axes.annotate(text, (value, place), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [_plain(label) for label, *_ in rows])
    for label, colour in zip(axes.get_yticklabels(), colours, strict=True):
        label.set_color(_OURS if colour in (_OURS, _OURS_TOO) else _BASE)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_title(title)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    return figure, axes


def _read(measured: Mapping[str, Any]) -> Figure:
    rows = []
    for way, reader, figures, to_lookup in read.rows(measured):
        main = read.is_main(measured, reader)
        if read.is_ours(way):
            label, colour = f"{way}, {read.READERS[reader]}", _OURS if main else _OURS_TOO
        elif main and way != LOOP:
            label, colour = way, _BASE if way == LOOKUP else _OTHERS
        else:
            continue
        rows.append((label, figures.median, to_lookup.typical, colour))
    title = "One read: the median, and its ratio to a dict lookup in the same process"
    figure, axes = _bars(title, rows)
    least, most = rows[0][1] / 2, rows[-1][1]
    axes.set_xscale("log")
    axes.set_xlim(least, most * 60)  # room for what stands behind the longest bar
    axes.set_xticks([10.0**power for power in range(1, 10) if least < 10.0**power <= most * 2])
    axes.xaxis.set_major_formatter(FuncFormatter(_round_duration))
    return figure


def _start(measured: Mapping[str, Any]) -> Figure:
    colours = {start.PASS: _BASE, start.CONNECT: _OURS, start.COMMAND: _OURS}
    rows = [
        (
            what,
            Figures.of(samples).median,
            start.times_pass(measured, what).typical,
            colours.get(what, _OTHERS),
        )
        for what, samples in measured.items()
    ]
    title = "One whole process: the median, and its ratio to one that does nothing"
    figure, axes = _bars(title, rows)
    axes.set_xlim(0, max(value for _, value, _, _ in rows) * 1.25)
    axes.xaxis.set_major_formatter(FuncFormatter(_round_duration))
    return figure


# --- lines ---------------------------------------------------------------------------------------


def _panels(*titles: str, width: float = _WIDTH) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    panels = [figure.add_subplot(1, len(titles), number + 1) for number in range(len(titles))]
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title)
    return figure, panels


def _plot(axes: Axes, places: Sequence[int], lines: Lines, label: str) -> None:
    for name, (values, colour) in lines.items():
        axes.plot(places, values, marker="o", color=colour, label=_plain(name))
    axes.set_xticks(places, [count(place) for place in places])
    axes.set_xlabel(label)


def _on_log_axes(
    axes: Axes,
    places: Sequence[int],
    lines: Lines,
    shown: Callable[[float], str],
    label: str = "options in the store",
) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    _plot(axes, places, lines, label)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    least, most = axes.get_ylim()
    axes.set_ylim(least, most * (most / least) ** (0.11 * len(lines)))  # room for the legend
    axes.legend(loc="upper left")


def _take_up(measured: Mapping[str, Any]) -> Figure:
    figure, (left, right) = _panels("First read after a change", "Private memory of a worker")
    sizes = [int(size) for size in measured]
    cases = (take_up.WHOLE, *reversed(take_up.READS))
    found = [of["taken"] for of in measured.values()]
    taken = {
        case: ([Figures.of(of[case]["nanoseconds"]).median for of in found], colour)
        for case, colour in zip(cases, (_BASE, _OURS_COLD, _OURS, _OURS_TOO), strict=True)
    }
    _on_log_axes(left, sizes, taken, _round_duration)
    kinds = (
        (take_up.DDBCFG, "3 options read with ddbcfg", _OURS),
        (take_up.WHOLE, take_up.WHOLE, _BASE),
    )
    private = {
        label: ([take_up.private_bytes(of, kind) for of in measured.values()], colour)
        for kind, label, colour in kinds
    }
    _on_log_axes(right, sizes, private, lambda size: _without_zeros(memory(size)))
    return figure


def _publish(published: Mapping[str, Any], polled: Mapping[str, Any]) -> Figure:
    figure, (left, right) = _panels("Publishing", "A poll that finds nothing new: CPU time")
    kinds = ((publish.ONE, _OURS), (publish.ALL, _OURS_TOO), (publish.FLOOR, _BASE))
    lines = {kind: (_medians(published, kind), colour) for kind, colour in kinds}
    _on_log_axes(left, [int(size) for size in published], lines, _round_duration)
    lines = {
        "poll": (_medians(polled, poll.POLL), _OURS),
        "botocore's query alone": (_medians(polled, poll.QUERY), _BASE),
    }
    _on_log_axes(right, [int(size) for size in polled], lines, _round_duration)
    return figure


def _medians(measured: Mapping[str, Any], kind: str) -> list[float]:
    return [Figures.of(found[kind]).median for found in measured.values()]


def _throughput(measured: Mapping[str, Any]) -> Figure:
    title = f"Reads a second, a new generation each 10 ms, {measured['cores']} cores"
    figure, (axes,) = _panels(title, width=0.7 * _WIDTH)
    kinds = (
        (throughput.CONTROL, "a dict in each process: what the machine gives", _BASE),
        (throughput.DDBCFG, "ddbcfg", _OURS),
    )
    numbers = [int(number) for number in measured["rates"][throughput.DDBCFG]]
    lines = {
        label: ([throughput.total(measured, kind, n).median / 1e6 for n in numbers], colour)
        for kind, label, colour in kinds
    }
    _plot(axes, numbers, lines, "processes that read")
    axes.set_ylabel("million reads, all together")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.25)
    axes.legend(loc="upper left")
    return figure


def _capacity(measured: Mapping[str, Any]) -> Figure:
    figure, panels = _panels("Calls an hour", "Read units an hour")
    size = str(capacity.SHOWN)
    title = f"DynamoDB, for a host whose store has {count(capacity.SHOWN)} options"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    kinds = ((capacity.DAEMON, _OURS), (capacity.POLLERS, _BASE), (capacity.AT_EACH_READ, _OTHERS))
    for axes, of in zip(panels, ("calls", "units"), strict=True):
        lines = {
            who: ([capacity.per_hour(measured[size], of, who, n) for n in capacity.WORKERS], colour)
            for who, colour in kinds
        }
        _on_log_axes(axes, capacity.WORKERS, lines, lambda n: f"{n:,.0f}", "workers on the host")
    return figure


def _round_duration(nanoseconds: float, _: object = None) -> str:
    """A time at which an axis has a tick."""
    return "0" if nanoseconds == 0 else _without_zeros(duration(nanoseconds))


def _without_zeros(text: str) -> str:
    return text.replace(".00", "").replace(".0", "")


def _plain(markdown: str) -> str:
    return markdown.replace("`", "")


# Each plot, and the parts that it shows.
_PLOTS: dict[str, tuple[Callable[..., Figure], tuple[str, ...]]] = {
    "read": (_read, ("read",)),
    "take-up": (_take_up, ("take-up",)),
    "throughput": (_throughput, ("throughput",)),
    "publish": (_publish, ("publish", "poll")),
    "start": (_start, ("start",)),
    "capacity": (_capacity, ("capacity",)),
}
