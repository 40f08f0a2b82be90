"""The simulation of a fleet keeps to arithmetic where that is known."""

from __future__ import annotations

import random

import pytest

from benchmarks.fleet.scenarios import SIZES, WITH, WITHOUT, simulate
from benchmarks.fleet.simulation.events import Events, Process
from benchmarks.fleet.simulation.hosts import Fleet
from benchmarks.fleet.simulation.partition import Partition
from benchmarks.fleet.simulation.requests import LAG, LATENCY, Client, Costs
from benchmarks.fleet.simulation.runs import change, idle
from benchmarks.fleet.tables import tables

COSTS = Costs(0.5, (25.0, 25.0))
SEED = 7


def test_a_partition_never_gives_more_than_its_rate() -> None:
    chance = random.Random(SEED)
    partition = Partition(rate=100.0, burst=2.0)
    now, served = 0.0, []
    for _ in range(5000):
        now += chance.expovariate(10.0)
        units = chance.uniform(0.5, 40.0)
        if partition.take(now, units):
            served.append((now, units))
    for first in range(0, len(served), 7):
        began, total = served[first][0], 0.0
        for at, units in served[first:]:
            total += units
            # The last request may go beyond what there is, and the next ones wait for it.
            assert total - units < 200.0 + 100.0 * (at - began) + 1e-6
    assert partition.granted == pytest.approx(sum(units for _, units in served))
    assert partition.throttled == partition.requests - len(served) > 0
    # It was asked for more than it has, so it gave what it has.
    assert partition.granted == pytest.approx(100.0 * now, rel=0.05)


def test_processes_run_in_the_order_of_their_times() -> None:
    events, seen = Events(), []

    def process(name: str, pause: float) -> Process[None]:
        while True:
            seen.append((events.now, name))
            yield pause

    events.start(process("a", 2.0))
    events.start(process("b", 3.0), at=1.0)
    events.run(6.0)
    assert seen == [(0.0, "a"), (1.0, "b"), (2.0, "a"), (4.0, "b"), (4.0, "a"), (6.0, "a")]
    assert events.now == 6.0


@pytest.mark.parametrize(("revisions", "units"), [(True, 0.5), (False, 50.0)])
def test_one_host_costs_what_its_polls_cost(revisions: bool, units: float) -> None:
    found = idle(Fleet(1, 10.0, COSTS, revisions), 1000.0, SEED)
    assert found.throttled == 0
    assert found.granted == found.asked == pytest.approx(100 * units, rel=0.03)
    assert found.requests == pytest.approx(100 if revisions else 200, rel=0.03)


def test_full_polls_are_paid_for_once_in_their_interval() -> None:
    fleet = Fleet(100, 10.0, COSTS, full_interval=100.0)
    found = idle(fleet, 1000.0, SEED)
    # The first regular poll after it: half an interval late, on average.
    polls, full = 100 * 100 * 0.5, 100 * 1000.0 / 105.0 * 50.0
    assert found.granted == pytest.approx(polls + full, rel=0.03)


def test_units_that_were_asked_for_were_given_or_refused() -> None:
    # Each request of these hosts costs the same.
    found = idle(Fleet(400, 1.0, Costs(0.5, (25.0,)), revisions=False), 20.0, SEED)
    assert found.throttled > 0
    assert found.asked == found.granted + found.throttled * 25.0 == found.requests * 25.0
    assert found.granted <= 3000.0 * (20.0 + 1.0) + 25.0


def test_a_change_is_on_every_host_after_an_interval() -> None:
    found = change(Fleet(500, 10.0, COSTS), 60.0, SEED)
    assert len(found.late) == found.hosts == 500
    assert found.throttled == 0
    assert 0.0 < found.late[0] < 0.5
    assert found.percentile(50) == pytest.approx(5.0, abs=0.7)
    assert found.late[-1] <= 1.1 * 10.0 + LAG + 2 * LATENCY


def test_a_change_that_is_not_in_the_log_is_read_by_every_host_in_time() -> None:
    # 500 hosts cannot read 60 units each within ten seconds: the hint spreads them.
    fleet = Fleet(500, 10.0, Costs(0.5, (60.0,)), in_log=False, hint=500)
    found = change(fleet, 100.0, SEED)
    assert len(found.late) == 500
    assert found.throttled == 0
    assert found.granted >= 500 * 60.0
    again = change(fleet, 100.0, SEED)
    assert again == found
    assert change(fleet, 100.0, SEED + 1) != found


def test_a_query_that_is_throttled_goes_on_where_it_was() -> None:
    events, partition = Events(), Partition(rate=1.0, burst=10.0)
    client = Client(events, partition, random.Random(SEED))
    ended: list[bool] = []

    def host() -> Process[None]:
        ended.append((yield from client.query([19.0, 9.0], (20.0,), random.Random(SEED))))

    events.start(host())
    events.run(100.0)
    assert ended == [True]
    assert partition.granted == 28.0  # each page once
    assert partition.throttled > 0


def test_a_small_fleet_is_simulated_whole_and_shown() -> None:
    costs = {
        name: Costs.of(size, revision=0.5, unit=0.5, page=200_000) for name, size in SIZES.items()
    }
    found = simulate(costs, largest=50)
    (of,) = found["change"]
    assert (of["hosts"], of[WITH]["missing"], of[WITHOUT]["missing"]) == (50, 0, 0)
    assert len(of[WITH]["late"]) == 101
    units = {"idle": 0.5, "changed": 0.5, "whole": 25.0, "whole is counted": True}
    kinds = {kind: [1_000_000, 2_000_000] for kind in ("idle", "item", "changed", "whole")}
    polls = {"cpu": kinds, "after": kinds, "bytes": dict.fromkeys(kinds, 1000)}
    measured = {"units": {"10000": units}, "polls": {"10000": polls}, "load": [0.0, 0.0]}
    shown = tables(measured | {"simulated": found})
    assert "| 50 | 10 s | 100 KB |" in shown


def test_a_store_costs_its_pages() -> None:
    costs = Costs.of(10_000, revision=0.5, unit=0.5, page=8192)
    assert costs.pages == (1.0, 0.5)
    assert costs.store == 1.5
