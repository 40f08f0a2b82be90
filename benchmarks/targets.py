"""What the project set out to reach, and whether it does.  Nothing fails because of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks import (
    daemon_memory,
    integrations,
    objects,
    poll,
    publish,
    read,
    start,
    take_up,
    throughput,
    waking,
)
from benchmarks.alternatives import ddbcfg
from benchmarks.figures import TIMES, Both, Figures, short
from benchmarks.tables import table

#: What was measured, by part.
Parts = Mapping[str, Any]

_PUBLISHED, _LEAST, _MOST = "10000", "10", "100000"  # options of the stores that targets are about
_CROWD = "64"  # processes that wait


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is typically to be at most *limit* (at least, with ``more``), in *unit*."""

    what: str
    limit: float
    unit: str
    figure: Callable[[Parts], Both]
    more: bool = False

    def row(self, parts: Parts) -> tuple[str, ...]:
        """What, how much it may be, how much it is, and is when quiet, and whether that is met."""
        limit = f"{'≥' if self.more else '≤'} {self.limit:g}{self.unit}"
        try:
            figure = self.figure(parts)
        except KeyError:  # the part, the reader or the size was left out
            return self.what, limit, "not measured", "", ""
        typical = figure.typical
        met = typical >= self.limit if self.more else typical <= self.limit
        measured = (f"{short(one)}{self.unit}" for one in (typical, figure.quiet))
        return self.what, limit, *measured, "met" if met else "**not met**"


def _times_dict(way: str, reader: str) -> Callable[[Parts], Both]:
    def figure(parts: Parts) -> Both:
        found = {row[:2]: row[3] for row in read.rows(parts["read"])}
        return found[way, reader]

    return figure


def _of_objects(way: str) -> Callable[[Parts], Both]:
    return lambda parts: objects.times_lookup(parts["objects"], way, "compiled")


def _time(nanoseconds: Sequence[float], unit: float) -> Both:
    figures = Figures.of(nanoseconds)
    return Both(figures.median / unit, figures.least / unit)


def _same(figure: float) -> Both:
    """What nobody disturbs."""
    return Both(figure, figure)


def _first_read(case: str) -> Callable[[Parts], Both]:
    return lambda parts: _time(parts["take-up"][_MOST]["taken"][case]["nanoseconds"], unit=1e3)


def _more_faults(parts: Parts) -> Both:
    """Page faults of the first read at the largest size, less those at the smallest."""
    least, most = (
        take_up.faults(parts["take-up"][size], *take_up.READS) for size in (_LEAST, _MOST)
    )
    return _same(most - least)


def _more_polling(parts: Parts) -> Both:
    beyond = poll.beyond(parts["poll"][_PUBLISHED])
    return Both(100 * beyond.typical, 100 * beyond.quiet)


def _more_memory(parts: Parts) -> Both:
    daemon, boto3 = (
        daemon_memory.megabytes(parts["daemon-memory"], kind)
        for kind in (daemon_memory.DAEMON, daemon_memory.BOTO3)
    )
    return _same(daemon - boto3)


def _of_a_crowd(figure: Callable[[Mapping[str, Any]], float]) -> Callable[[Parts], Both]:
    return lambda parts: _same(figure(parts["waking"]))


def _of_a_start(what: str) -> Callable[[Parts], Both]:
    return lambda parts: start.times_pass(parts["start"], what)


def _current_settings(parts: Parts) -> Both:
    return integrations.times_lookup(parts["integrations"], integrations.CURRENT)


def _share(parts: Parts) -> Both:
    return integrations.share(parts["integrations"], integrations.SHARE, integrations.EVALUATION)


def _share_with_a_rule(parts: Parts) -> Both:
    measured = parts["integrations"]
    return integrations.share(measured, integrations.TARGETED_SHARE, integrations.TARGETED)


_TIMES = f" {TIMES}"
TARGETS = (
    Target(
        "`config.get`, compiled: a dict lookup", 1.6, _TIMES, _times_dict(ddbcfg.GET, "compiled")
    ),
    Target('`config["db"]`, compiled', 1.05, _TIMES, _times_dict(ddbcfg.SUBSCRIPT, "compiled")),
    Target("`config.db`, compiled", 1.8, _TIMES, _times_dict(ddbcfg.ATTRIBUTE, "compiled")),
    Target(
        'pinned `snapshot["db"]`, compiled', 1.5, _TIMES, _times_dict(ddbcfg.PINNED, "compiled")
    ),
    Target("handle of `bind`, compiled", 1.4, _TIMES, _of_objects(objects.BOUND)),
    Target("`config.get` with `as_`, compiled", 2.2, _TIMES, _of_objects(objects.TYPED)),
    Target("`current(Settings)`, compiled", 3.5, _TIMES, _current_settings),
    Target("share of OpenFeature's provider in an evaluation", 12, " %", _share),
    Target("… with a rule", 12, " %", _share_with_a_rule),
    Target("`config.get`, Python", 10, _TIMES, _times_dict(ddbcfg.GET, "python")),
    Target("`config.db`, Python", 10, _TIMES, _times_dict(ddbcfg.ATTRIBUTE, "python")),
    Target(
        "first read of a new generation, 100,000 options, caches warm",
        150,
        " µs",
        _first_read(take_up.OWN),
    ),
    Target("… cold, after other work", 150, " µs", _first_read(take_up.COLD)),
    Target("… page faults, beyond those at 10 options", 0, "", _more_faults),
    Target(
        "private memory for 3 options of 100,000",
        0.3,
        " MB",
        lambda parts: _same(take_up.private_bytes(parts["take-up"][_MOST], take_up.DDBCFG) / 1e6),
    ),
    Target(
        "2 readers to one, a generation each 10 ms",
        1.9,
        _TIMES,
        lambda parts: throughput.speed_up(parts["throughput"], throughput.DDBCFG, 2),
        more=True,
    ),
    Target(
        "… by their CPU time, as if each had a core to itself",
        1.9,
        _TIMES,
        lambda parts: throughput.speed_up_by_cpu(parts["throughput"], 2),
        more=True,
    ),
    Target("torn reads", 0, "", lambda parts: _same(parts["throughput"]["torn"])),
    Target(
        "poll of 10,000 unchanged options, CPU time beyond botocore's for the same requests",
        25,
        " %",
        _more_polling,
    ),
    Target(
        "publishing 10,000 options, one changed",
        15,
        " ms",
        lambda parts: _time(parts["publish"][_PUBLISHED][publish.ONE], unit=1e6),
    ),
    Target(
        "… to packing it and writing as many bytes",
        1.5,
        _TIMES,
        lambda parts: publish.times_floor(parts["publish"][_PUBLISHED]),
    ),
    Target(
        "publishing 100,000 options, one changed",
        20,
        " ms",
        lambda parts: _time(parts["publish"][_MOST][publish.ONE], unit=1e6),
    ),
    Target("daemon at rest, 10,000 options, more than boto3", 12, " MB", _more_memory),
    Target(
        "announcement to awake, 64 waiting processes, median",
        3,
        " ms",
        lambda parts: _time(parts["waking"][_CROWD]["awake"], unit=1e6),
    ),
    Target(
        "… 99th percentile", 50, " ms", _of_a_crowd(lambda found: waking.p99(found, _CROWD) / 1e6)
    ),
    Target(
        "wake-ups a second of one of them at rest, the most of any",
        1,
        "",
        _of_a_crowd(lambda found: waking.wakes(found, _CROWD)),
    ),
    Target("… CPU", 0.1, " %", _of_a_crowd(lambda found: waking.share(found, _CROWD))),
    Target("import, connect and get, to `python -c pass`", 1.6, _TIMES, _of_a_start(start.CONNECT)),
    Target("`ddbcfg-client get db`, to the same", 2.2, _TIMES, _of_a_start(start.COMMAND)),
)


def targets(parts: Parts) -> str:
    """One row for each target."""
    headings = ("figure", "target", "median", "best round", "")
    return table(headings, [target.row(parts) for target in TARGETS])
