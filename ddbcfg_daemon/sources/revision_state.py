"""What one poll of a store with a revision leaves to the next, and when it is read in full."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from ddbcfg_client.dynamodb.revision.item import Revision
from ddbcfg_client.dynamodb.revision.known import Known
from ddbcfg_client.dynamodb.revision.pauses import longest_delay

# What has to change before a full reading can find more than the last one.
Mark = tuple[str, int, bytes | None, bool]


def mark_of(revision: Revision) -> Mark:
    """Return the mark of a revision."""
    return revision.epoch, revision.rev, revision.digest, revision.pending is not None


@dataclass(frozen=True, slots=True)
class State:
    """What one poll leaves to the next; times are in seconds of the source's clock.

    ``known`` is what was read last, also if a guard held it; None if there is no revision to
    follow, for the reason ``note``: then one is looked for again at ``look_at``.  ``skipped`` are
    the items that are not options, and ``how`` says how ``known`` became known.

    ``full_at`` is when the store is read in full next, and ``units`` is what that cost last.
    ``doubts`` counts such readings in a row that proved nothing, and ``doubtful`` is what the last
    one leaves to the next.  ``read_at`` is when a change is read that only a full reading shows.
    ``vain`` is the revision at which the last one gave nothing to publish, and why.
    """

    known: Known | None = None
    look_at: float = 0.0
    note: str = ""
    skipped: tuple[str, ...] = ()
    how: str = ""
    full_at: float = 0.0
    units: float = 0.0
    doubts: int = 0
    doubtful: int | None = None
    read_at: float | None = None
    vain: tuple[Mark, str] | None = None


class Delay:
    """When to read a change that needs a full reading, as one host of a fleet.

    ``until`` is drawn once for each change, or several that come before it is over.
    """

    def __init__(self, state: State, interval: float, clock: Callable[[], float]) -> None:
        self.until = state.read_at
        self._vain = state.vain
        self._units = state.units
        self._interval = interval
        self._clock = clock

    def reason(self, revision: Revision) -> str:
        """Return why ``revision`` is not read now, empty if it is."""
        if self._vain is not None and self._vain[0] == mark_of(revision):
            return self._vain[1]
        now = self._clock()
        if self.until is None:
            most = longest_delay(revision.fleet, self._units, self._interval)
            self.until = now + random.uniform(0.0, most)
        if now >= self.until:
            return ""
        left = self.until - now
        return f"revision {revision.rev} is read in {left:.0f} s, as one of {revision.fleet} hosts"
