"""A fleet over some time, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.fleet.simulation.events import Events
from benchmarks.fleet.simulation.hosts import Fleet, Host
from benchmarks.fleet.simulation.partition import Partition
from benchmarks.fleet.simulation.requests import Client, Table

_STEP = 10.0  # seconds after which to look whether all have the change


@dataclass(frozen=True, slots=True)
class Outcome:
    """What hosts asked of the partition in ``seconds``, and how late each had the change.

    ``late`` has the seconds of each host that had it, in order; ``hosts`` is how many there were.
    """

    hosts: int
    seconds: float
    asked: float
    granted: float
    requests: int
    throttled: int
    late: tuple[float, ...] = ()

    def kept(self) -> dict[str, Any]:
        """What is kept of it: of ``late`` only every hundredth part."""
        found = asdict(self)
        found["late"] = [round(self.percentile(each), 2) for each in range(101) if self.has(each)]
        found["missing"] = self.hosts - len(self.late)
        return found

    def has(self, percent: float) -> bool:
        """Whether so many of the hosts had the change in the end."""
        return self._place(percent) < len(self.late)

    def percentile(self, percent: float) -> float:
        """Seconds after which so many of all hosts had it."""
        return self.late[self._place(percent)]

    def _place(self, percent: float) -> int:
        return min(self.hosts - 1, int(self.hosts * percent / 100))


def idle(fleet: Fleet, seconds: float, seed: int) -> Outcome:
    """A fleet whose store does not change."""
    return _run(fleet, seconds, seed, changed=None)


def change(fleet: Fleet, seconds: float, seed: int) -> Outcome:
    """A fleet whose store changes after two intervals, until all have it or *seconds* are over."""
    return _run(fleet, seconds, seed, changed=2 * fleet.interval)


def _run(fleet: Fleet, seconds: float, seed: int, changed: float | None) -> Outcome:
    chance = random.Random(seed)
    events, partition = Events(), Partition()
    with _seeded(seed):
        table = Table(chance) if changed is None else Table(chance, changed)
        hosts = []
        for _ in range(fleet.hosts):
            client = Client(events, partition, chance)
            hosts.append(Host(fleet, events, client, table, chance))
            events.start(hosts[-1].run())
        began = 2 * fleet.interval if changed is None else changed
        events.run(began)
        before = asked(partition)
        end = began + seconds
        while events.now < end:
            events.run(min(end, events.now + (seconds if changed is None else _STEP)))
            if changed is not None and all(host.served is not None for host in hosts):
                break
    of_change = [asked - b for asked, b in zip(asked(partition), before, strict=True)]
    late = sorted(host.served - began for host in hosts if host.served is not None)
    units_asked, granted, requests, throttled = of_change
    return Outcome(
        fleet.hosts,
        events.now - began,
        units_asked,
        granted,
        int(requests),
        int(throttled),
        tuple(late),
    )


def asked(partition: Partition) -> tuple[float, float, int, int]:
    """What was asked of a partition so far."""
    return partition.asked, partition.granted, partition.requests, partition.throttled


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let chance be the same in each run for what uses Python's own, as the schedule does."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
