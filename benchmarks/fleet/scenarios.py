"""What is simulated: fleets at rest, and fleets that a change has to reach."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

from benchmarks.fleet.simulation.hosts import Fleet
from benchmarks.fleet.simulation.partition import RATE
from benchmarks.fleet.simulation.requests import Costs
from benchmarks.fleet.simulation.runs import Outcome, change, idle

SEED = 1
SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "5 MB": 5_000_000}
FULL_INTERVAL = 3600.0
WITH, WITHOUT = "with revisions", "without"
#: Hosts and seconds between two polls.
IDLE = (
    (100, 10.0),
    (1_000, 10.0),
    (10_000, 10.0),
    (50_000, 10.0),
    (100_000, 10.0),
    (100_000, 60.0),
)
CHANGES = (
    (10_000, 10.0, "100 KB"),
    (10_000, 10.0, "1 MB"),
    (10_000, 10.0, "5 MB"),
    (100_000, 60.0, "100 KB"),
)
#: Of a fleet at rest: long enough for many full polls, and shorter for the largest fleet.
_IDLE_SECONDS, _LARGE_SECONDS = 300.0, 60.0
#: After which a fleet without revisions is given up.
PATIENCE = 600.0


def simulate(costs: Mapping[str, Costs], *, largest: int) -> dict[str, Any]:
    """Simulate all fleets of at most *largest* hosts, or one of so many."""
    changes = [of for of in CHANGES if of[0] <= largest] or [(largest, 10.0, "100 KB")]
    return {
        "idle": [_idle(hosts, interval, costs) for hosts, interval in IDLE if hosts <= largest],
        "change": [_change(*of, costs[of[2]]) for of in changes],
        "beyond the log": [
            _beyond(min(10_000, largest), 10.0, size, costs[size]) for size in ("100 KB", "1 MB")
        ],
    }


def _idle(hosts: int, interval: float, costs: Mapping[str, Costs]) -> dict[str, Any]:
    """Units a second: of the revision item alone, with full polls too, and without revisions."""
    of: dict[str, Any] = {"hosts": hosts, "interval": interval}
    revision = Fleet(hosts, interval, costs["100 KB"])
    of["revision item"] = _rate(revision, hosts / interval * revision.costs.revision)
    for size, cost in costs.items():
        full = Fleet(hosts, interval, cost, full_interval=FULL_INTERVAL)
        wanted = hosts / interval * cost.revision + hosts / FULL_INTERVAL * cost.store
        of[f"{size} with full polls"] = _rate(full, wanted)
        without = Fleet(hosts, interval, cost, revisions=False)
        of[f"{size} without revisions"] = _rate(without, hosts / interval * cost.store)
    return of


def _rate(fleet: Fleet, wanted: float) -> dict[str, Any]:
    """What a fleet asks for in a second, simulated unless it is more than a partition has.

    Then it would be the retries that are counted: *wanted* is without them.
    """
    if wanted > RATE:
        return {"rate": wanted, "simulated": False}
    seconds = _IDLE_SECONDS if fleet.hosts / fleet.interval <= 1_000 else _LARGE_SECONDS
    found = _kept(idle(fleet, seconds, SEED))
    return found | {"rate": found["asked"] / seconds, "simulated": True}


def _change(hosts: int, interval: float, size: str, costs: Costs) -> dict[str, Any]:
    here = Fleet(hosts, interval, costs, full_interval=FULL_INTERVAL)
    before = Fleet(hosts, interval, costs, revisions=False)
    return {
        "hosts": hosts,
        "interval": interval,
        "size": size,
        WITH: _kept(change(here, PATIENCE, SEED)),
        WITHOUT: _kept(change(before, PATIENCE, SEED)),
    }


def _beyond(hosts: int, interval: float, size: str, costs: Costs) -> dict[str, Any]:
    """A change that only a reading of the store shows, with the hint and without."""
    fleets = {hint: Fleet(hosts, interval, costs, in_log=False, hint=hint) for hint in (hosts, 0)}
    return {
        "hosts": hosts,
        "interval": interval,
        "size": size,
        "with the hint": _kept(change(fleets[hosts], 2 * PATIENCE, SEED)),
        "without it": _kept(change(fleets[0], 2 * PATIENCE, SEED)),
    }


def _kept(outcome: Outcome) -> dict[str, Any]:
    gc.collect()  # the hosts hold one another
    return outcome.kept()
