"""The tables of a fleet, and its targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.figures import Both, Figures, count, durations, memory, short
from benchmarks.fleet.scenarios import SIZES, WITH, WITHOUT
from benchmarks.tables import table
from benchmarks.targets import Target

_HOSTS, _INTERVAL = 10_000, 10.0


def beyond(polls: Mapping[str, Any]) -> list[float]:
    """Nanoseconds of CPU time of an idle poll beyond botocore's GetItem, of each round."""
    cpu = polls["cpu"]
    return [max(0.0, idle - item) for idle, item in zip(cpu["idle"], cpu["item"], strict=True)]


def tables(measured: Mapping[str, Any]) -> str:
    """The targets, what was counted and measured, and what was simulated."""
    load = " and ".join(f"{one:.1f}" for one in measured["load"])
    parts = (
        f"Load average before and after: {load}.\n",
        _targets(measured),
        _measured(measured),
        _idle(measured["simulated"]["idle"]),
        _changes(measured["simulated"]["change"]),
        _beyond_log(measured["simulated"]["beyond the log"]),
    )
    return "\n".join(parts)


# --- targets -------------------------------------------------------------------------------------


def _targets(measured: Mapping[str, Any]) -> str:
    headings = ("figure", "target", "median", "best round", "")
    return table(headings, [target.row(measured) for target in _TARGETS])


def _same(figure: float) -> Both:
    return Both(figure, figure)


def _most_units(what: str) -> Callable[[Mapping[str, Any]], Both]:
    return lambda parts: _same(max(of[what] for of in parts["units"].values()))


def _cpu_beyond(parts: Mapping[str, Any]) -> Both:
    found = [Figures.of(beyond(of)) for of in parts["polls"].values()]
    return Both(max(of.median for of in found) / 1e6, max(of.least for of in found) / 1e6)


def _cpu_of_change(parts: Mapping[str, Any]) -> Both:
    figures = Figures.of(parts["polls"]["10000"]["after"]["changed"])
    return Both(figures.median / 1e6, figures.least / 1e6)


def _fleet_at_rest(parts: Mapping[str, Any]) -> Mapping[str, Any]:
    for found in parts["simulated"]["idle"]:
        if (found["hosts"], found["interval"]) == (_HOSTS, _INTERVAL):
            fleet: Mapping[str, Any] = found
            return fleet
    raise KeyError(_HOSTS)


def _fleet_of(what: str) -> Callable[[Mapping[str, Any]], Both]:
    return lambda parts: _same(_fleet_at_rest(parts)[what]["rate"])


def _changed_fleet(figure: Callable[[Mapping[str, Any]], float]) -> Callable[..., Both]:
    def worst(parts: Mapping[str, Any]) -> Both:
        found = [
            figure(of[WITH])
            for of in parts["simulated"]["change"]
            if (of["hosts"], of["interval"]) == (_HOSTS, _INTERVAL)
        ]
        if not found:
            raise KeyError(_HOSTS)
        return _same(max(found))

    return worst


def _late(percent: int) -> Callable[[Mapping[str, Any]], float]:
    return lambda of: of["late"][percent] if percent < len(of["late"]) else float("inf")


_FLEET = f"{_HOSTS:,} hosts, each {_INTERVAL:g} s, idle: units a second"
_TARGETS = (
    Target("read units of an idle poll, any size", 0.5, "", _most_units("idle")),
    Target("… of a poll that finds one option changed", 0.5, "", _most_units("changed")),
    Target("CPU of an idle poll beyond botocore's GetItem, any size", 1, " ms", _cpu_beyond),
    Target("one of 10,000 changed: CPU from response to announcement", 15, " ms", _cpu_of_change),
    Target(f"{_FLEET}, of the revision item", 520, "", _fleet_of("revision item")),
    *(
        Target(f"… with a full poll an hour, {size}", 520, "", _fleet_of(f"{size} with full polls"))
        for size in SIZES
    ),
    Target("a change on all of them, up to 5 MB: p99", 10.5, " s", _changed_fleet(_late(99))),
    Target("… on the last", 12, " s", _changed_fleet(_late(100))),
    Target("… requests throttled", 0, "", _changed_fleet(lambda of: of["throttled"])),
)

# --- measured ------------------------------------------------------------------------------------


def _measured(measured: Mapping[str, Any]) -> str:
    rows = []
    for size, units in measured["units"].items():
        polls = measured["polls"][size]
        cpu, sent = polls["cpu"], polls["bytes"]
        whole = short(units["whole"]) + ("" if units["whole is counted"] else " (by the rule)")
        rows.append(
            (
                count(int(size)),
                f"{units['idle']:g}, {units['changed']:g}, {whole}",
                durations(cpu["item"]),
                durations(beyond(polls)),
                durations(polls["after"]["changed"]),
                durations(cpu["whole"]),
                f"{memory(sent['idle'])}, {memory(sent['changed'])}, {memory(sent['whole'])}",
            )
        )
    headings = (
        "options",
        "read units: idle, changed, without revisions",
        "CPU: botocore's GetItem",
        "an idle poll, beyond it",
        "a changed one, after the response",
        "a poll without revisions, idle",
        "bytes: idle, changed, without revisions",
    )
    return table(headings, rows)


# --- simulated -----------------------------------------------------------------------------------


def _idle(found: list[Mapping[str, Any]]) -> str:
    kinds = ["revision item"]
    kinds += [f"{size} {kind}" for kind in ("with full polls", "without revisions")
              for size in SIZES]  # fmt: skip
    rows = [
        (
            count(of["hosts"]),
            f"{of['interval']:g} s",
            *(_rate(of[kind]) for kind in kinds),
        )
        for of in found
    ]
    headings = ("hosts", "a poll each", "units/s: revision item alone", *kinds[1:])
    return table(headings, rows)


def _rate(of: Mapping[str, Any]) -> str:
    text = f"{of['rate']:,.0f}"
    return text if of["simulated"] else f"({text})"


def _changes(found: list[Mapping[str, Any]]) -> str:
    rows = [
        (count(of["hosts"]), f"{of['interval']:g} s", of["size"], *_both(of, WITH, WITHOUT))
        for of in found
    ]
    headings = (
        "hosts",
        "a poll each",
        "store",
        "with revisions: p50, p99, last",
        "requests throttled",
        "without: p50, p99, last",
        "requests throttled",
    )
    return table(headings, rows)


def _beyond_log(found: list[Mapping[str, Any]]) -> str:
    rows = [
        (count(of["hosts"]), f"{of['interval']:g} s", of["size"],
         *_both(of, "with the hint", "without it"))
        for of in found
    ]  # fmt: skip
    headings = (
        "hosts that all have to read the store",
        "a poll each",
        "store",
        "with the hint: p50, p99, last",
        "requests throttled",
        "without it: p50, p99, last",
        "requests throttled",
    )
    return table(headings, rows)


def _both(of: Mapping[str, Any], first: str, second: str) -> tuple[str, ...]:
    return (*_one(of[first]), *_one(of[second]))


def _one(of: Mapping[str, Any]) -> tuple[str, str]:
    late = of["late"]
    texts = [f"{late[at]:.1f}" if at < len(late) else "-" for at in (50, 99, 100)]
    text = f"{', '.join(texts)} s"
    if of["missing"]:
        text += f"; {count(of['missing'])} hosts not within {of['seconds']:,.0f} s"
    share = of["throttled"] / max(1, of["requests"])
    return text, "none" if not of["throttled"] else f"{share:.0%}"
