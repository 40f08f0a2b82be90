"""One request of a host, with botocore's own retries, and what a store costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from random import Random
from types import SimpleNamespace
from typing import Any

from benchmarks.fleet.simulation.events import Events, Process
from benchmarks.fleet.simulation.partition import Partition
from ddbcfg_client.dynamodb.client import ATTEMPTS

LATENCY = 0.005  # seconds of a request, with all that the host does for it: assumed
#: Seconds after a write by which replicas have it at the latest: assumed, the service says "usually
#: within one second or less".
LAG = 1.0
_THROTTLING_COST = 5  # of a retry, to botocore's quota


@dataclass(frozen=True, slots=True)
class Costs:
    """Read units: of the revision item, and of each page of a Query, eventually consistent."""

    revision: float
    pages: tuple[float, ...]

    @classmethod
    def of(cls, size: int, *, revision: float, unit: float, page: int) -> Costs:
        """Of a store of *size* bytes, in pages of so many; *unit* is what 4 KiB of them cost."""
        ends = [*range(0, size, page), size]
        return cls(revision, tuple(ceil((b - a) / 4096) * unit for a, b in pairwise(ends)))

    @property
    def store(self) -> float:
        """A reading of the store."""
        return sum(self.pages)


class Table:
    """A store that changes once, at ``changed``; replicas have it a little later."""

    def __init__(self, chance: Random, changed: float = float("inf")) -> None:
        self.changed = changed
        self._chance = chance
        # The leader, which answers consistent reads, and two others.
        self._since = [changed, *(changed + chance.uniform(0.0, LAG) for _ in range(2))]

    def version(self, now: float, *, consistent: bool = False) -> int:
        """Return what a read finds: 1 since the change, 0 before it."""
        since = self._since[0] if consistent else self._chance.choice(self._since)
        return int(now >= since)


class Client:
    """A host's connection; one request at a time."""

    def __init__(self, events: Events, partition: Partition, chance: Random) -> None:
        from botocore.retries.quota import RetryQuota
        from botocore.retries.standard import ExponentialBackoff

        self._events = events
        self._partition = partition
        self._quota = RetryQuota()
        throttled: Any = SimpleNamespace(is_throttling_error_from_context=lambda context: True)
        self._backoff = ExponentialBackoff(
            random=chance.random, service_name="dynamodb", throttling_detector=throttled
        )

    def request(self, units: float) -> Process[bool]:
        """Return whether the request was served, within the attempts of the daemon's client."""
        acquired = 1
        for attempt in range(1, ATTEMPTS + 1):
            yield LATENCY
            if self._partition.take(self._events.now, units):
                self._quota.release(acquired)
                return True
            if attempt == ATTEMPTS or not self._quota.acquire(_THROTTLING_COST):
                break
            acquired = _THROTTLING_COST
            context: Any = SimpleNamespace(attempt_number=attempt, http_response=None)
            yield self._backoff.delay_amount(context)
        return False

    def query(
        self, pages: Sequence[float], resumes: Sequence[float], chance: Random
    ) -> Process[bool]:
        """Read pages, of which all but the first are asked for again after these pauses."""
        throttled = 0
        for number, units in enumerate(pages):
            while not (yield from self.request(units)):
                if number == 0 or throttled == len(resumes):
                    return False
                pause = resumes[throttled]
                throttled += 1
                yield pause / 2 + chance.uniform(0.0, pause / 2)
        return True
