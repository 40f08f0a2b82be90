"""What the plots have in common: colours, style, bars and lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.figures import count, duration, ratio

OURS, OURS_TOO, OTHERS, BASE = "#c2410c", "#fb923c", "#94a3b8", "#334155"
OURS_COLD = "#38bdf8"  # of a read after other work
STYLE = {
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
WIDTH = 8.5  # inches

Lines = Mapping[str, tuple[Sequence[float], str]]  # by label: a value for each size, and the colour


# --- bars ----------------------------------------------------------------------------------------


def bars(title: str, rows: Sequence[tuple[str, float, float, str]]) -> tuple[Figure, Axes]:
    """Horizontal bars, the first row on top: label, nanoseconds, ratio, colour."""
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(rows)))
    axes = figure.add_subplot()
    places = range(len(rows))[::-1]
    colours = [colour for *_, colour in rows]
    axes.barh(places, [value for _, value, _, _ in rows], height=0.68, color=colours)
    for place, (_, value, times, _) in zip(places, rows, strict=True):
        text = f"{duration(value)}  ({ratio(times)})"
        axes.annotate(text, (value, place), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [plain(label) for label, *_ in rows])
    for label, colour in zip(axes.get_yticklabels(), colours, strict=True):
        label.set_color(OURS if colour in (OURS, OURS_TOO) else BASE)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_title(title)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    return figure, axes


# --- lines ---------------------------------------------------------------------------------------


def panels(*titles: str, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """A figure of panels beside each other, one for each title."""
    figure = Figure(figsize=(width, 3.6), layout="constrained")
    made = [figure.add_subplot(1, len(titles), number + 1) for number in range(len(titles))]
    for axes, title in zip(made, titles, strict=True):
        axes.set_title(title)
    return figure, made


def plot(axes: Axes, places: Sequence[int], lines: Lines, label: str) -> None:
    """Draw lines over places that are labelled."""
    for name, (values, colour) in lines.items():
        axes.plot(places, values, marker="o", color=colour, label=plain(name))
    axes.set_xticks(places, [count(place) for place in places])
    axes.set_xlabel(label)


def on_log_axes(
    axes: Axes,
    places: Sequence[int],
    lines: Lines,
    shown: Callable[[float], str],
    label: str = "options in the store",
) -> None:
    """Draw lines on axes that are both logarithmic, with a legend; *shown* writes a value."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    plot(axes, places, lines, label)
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
    least, most = axes.get_ylim()
    axes.set_ylim(least, most * (most / least) ** (0.11 * len(lines)))  # room for the legend
    axes.legend(loc="upper left")


def round_duration(nanoseconds: float, _: object = None) -> str:
    """A time at which an axis has a tick."""
    return "0" if nanoseconds == 0 else without_zeros(duration(nanoseconds))


def without_zeros(text: str) -> str:
    """The text of a round figure without its decimals."""
    return text.replace(".00", "").replace(".0", "")


def plain(markdown: str) -> str:
    """The text without Markdown."""
    return markdown.replace("`", "")
