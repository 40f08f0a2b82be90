"""Many hosts on one table: what a poll costs a host, and what that comes to in a fleet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from benchmarks.children import Child
from benchmarks.effort import Effort
from benchmarks.endpoint import table_of
from benchmarks.fleet import units
from benchmarks.fleet.scenarios import SIZES, simulate
from benchmarks.fleet.simulation.requests import Costs
from benchmarks.fleet.tables import tables

__all__ = ["measure", "tables"]

_SIZES = (100, 10_000, 100_000)
_WARM = 40  # changes, after which the log is full
_CHEAP = ("idle", "item")
_WHOLE_ROUNDS = 3  # of seconds each, for the largest store


def measure(effort: Effort) -> dict[str, Any]:
    """Read units, CPU time and bytes of a host's polls, and the simulation with these units."""
    quick = max(effort.sizes) < max(_SIZES)
    sizes = tuple(size for size in _SIZES if size <= max(effort.sizes))
    counted = units.measure(sizes)
    load = [os.getloadavg()[0]]
    polls = _polls(sizes, effort)
    costs = costs_of(counted)
    simulated = simulate(costs, largest=1_000 if quick else 100_000)
    load.append(os.getloadavg()[0])
    return {"units": counted, "polls": polls, "simulated": simulated, "load": load}


def costs_of(counted: Mapping[str, Any]) -> dict[str, Costs]:
    """What stores of the simulated sizes cost, by what was counted at the largest filled one."""
    of = next(each for each in reversed(list(counted.values())) if each["whole is counted"])
    size = max(int(size) for size, each in counted.items() if each["whole is counted"])
    page = of["bytes"] * units.PAGE_ITEMS // size
    by_rule = Costs.of(of["bytes"], revision=of["idle"], unit=0.5, page=page)
    unit = 0.5 * of["whole"] / by_rule.store
    return {
        name: Costs.of(wanted, revision=of["idle"], unit=unit, page=page)
        for name, wanted in SIZES.items()
    }


def _polls(sizes: tuple[int, ...], effort: Effort) -> dict[str, Any]:
    """By size: nanoseconds of CPU time of each round, and bytes, of each kind of poll."""
    found: dict[str, Any] = {}
    for size in sizes:
        with (
            Child("endpoint", str(size)) as endpoint,
            Child("fleet.polling", endpoint.ready["url"], str(size)) as host,
        ):
            found[str(size)] = _of_host(endpoint, host, effort)
            found[str(size)]["store bytes"] = endpoint.ready["bytes"][table_of(size)]
    return found


def _of_host(endpoint: Child, host: Child, effort: Effort) -> dict[str, Any]:
    found: dict[str, Any] = {"cpu": {}, "after": {}, "bytes": {}}

    def take(what: str) -> None:
        endpoint.ask("counts")
        cpu, after = host.ask(what)
        found["cpu"].setdefault(what, []).append(cpu)
        found["after"].setdefault(what, []).append(after)
        found["bytes"][what] = endpoint.ask("counts")["bytes"]

    for _ in range(_WHOLE_ROUNDS):
        take("whole")
    for version in range(1, _WARM + 1):
        endpoint.ask("change", version)
        host.ask("changed")
    for number in range(effort.rounds):
        # By turns, so that whatever else the machine does hits both alike.
        for what in _CHEAP if number % 2 else reversed(_CHEAP):
            take(what)
    for number in range(effort.few):
        endpoint.ask("change", _WARM + 1 + number)
        take("changed")
    return found
