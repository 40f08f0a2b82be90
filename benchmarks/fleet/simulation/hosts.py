"""A host of a fleet: polls by the daemon's schedule, as it did and as it does with revisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.fleet.simulation.events import Events, Process
from benchmarks.fleet.simulation.requests import Client, Costs, Table
from ddbcfg_client.dynamodb.revision import table_reads
from ddbcfg_client.dynamodb.revision.pauses import longest_delay
from ddbcfg_daemon.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many hosts there are and what they do.

    Without ``revisions`` each poll reads the store.  ``in_log`` says whether the revision item
    holds the change; if not, each host has to read the store, after a delay by the ``hint`` of how
    many hosts there are, if there is one.
    """

    hosts: int
    interval: float
    costs: Costs
    revisions: bool = True
    in_log: bool = True
    hint: int = 0
    full_interval: float = float("inf")


class Host:
    """One host; ``served`` is when it had the change, None while it has not."""

    def __init__(
        self, fleet: Fleet, events: Events, client: Client, table: Table, chance: Random
    ) -> None:
        self.served: float | None = None
        self._fleet = fleet
        self._events = events
        self._client = client
        self._table = table
        self._chance = chance
        self._schedule = Schedule(fleet.interval)
        self._has = 0
        self._full_at = chance.uniform(0.0, fleet.full_interval) if fleet.revisions else 0.0
        self._read_at: float | None = None  # when to read the store after a change

    def run(self) -> Process[None]:
        """Poll for ever; the first poll is long over."""
        failures = 0
        poll = self._by_revision if self._fleet.revisions else self._whole
        yield self._schedule.next_after(0.0)
        while True:
            if (yield from poll()):
                failures = 0
                now = self._events.now
                due = self._schedule.next_after(now)
                if self._read_at is not None:
                    due = min(due, max(self._read_at, now))
                yield due - now
            else:
                failures += 1
                yield self._schedule.retry(failures)

    def _whole(self) -> Process[bool]:
        """A poll without revisions: what is new is read again, consistently."""
        pages = self._fleet.costs.pages
        version = self._table.version(self._events.now)
        if not (yield from self._query(pages, resumes=())):
            return False
        if version == self._has:
            return True
        version = self._table.version(self._events.now, consistent=True)
        if not (yield from self._query([2 * units for units in pages], resumes=())):
            return False
        self._serve(version)
        return True

    def _by_revision(self) -> Process[bool]:
        costs, now = self._fleet.costs, self._events.now
        if not (yield from self._client.request(costs.revision)):
            return False
        # As the item was when it was read, that is just now.
        version = self._table.version(self._events.now)
        full = now >= self._full_at
        if version > self._has and not self._fleet.in_log:
            if self._read_at is None:
                longest = longest_delay(self._fleet.hint, costs.store, self._fleet.interval)
                self._read_at = now + self._chance.uniform(0.0, longest)
            if now < self._read_at:
                return True
            full = True
        if full:
            # A replica that is too late for the revision is read again, consistently.
            there = self._table.version(self._events.now)
            pages = costs.pages
            if not (yield from self._query(pages, resumes=table_reads._THROTTLED)):
                return False
            if there < version:
                pages = tuple(2 * units for units in pages)
                if not (yield from self._query(pages, resumes=table_reads._THROTTLED)):
                    return False
            self._read_at = None
            self._full_at = self._events.now + self._fleet.full_interval * self._chance.uniform(
                0.9, 1.1
            )
        self._serve(version)
        return True

    def _query(self, pages: Sequence[float], *, resumes: Sequence[float]) -> Process[bool]:
        return self._client.query(pages, resumes, self._chance)

    def _serve(self, version: int) -> None:
        if version > self._has:
            self._has = version
            self.served = self._events.now
