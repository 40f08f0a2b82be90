"""How long an import may stand still.

A writer is dead when nothing of ``pending`` has changed for a minute of the observer's own clock:
clocks of two hosts are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from ddbcfg_client.dynamodb.revision.access import Access
from ddbcfg_client.dynamodb.revision.item import Pending
from ddbcfg_client.errors import ImportPending

#: Seconds without a sign of life.
DEAD = 60.0
#: Seconds that a change of a few options waits for an import that is alive.
LONGEST_WAIT = 300.0
_LOOK = 1.0


@dataclass(slots=True)
class Watch:
    """Tells from what it sees of an import whether its writer is dead."""

    last: Pending | None = None
    since: float = 0.0

    def still_for(self, pending: Pending, now: float) -> float:
        """Return for how many seconds ``pending``, seen at ``now``, has not changed."""
        if pending != self.last:
            self.last, self.since = pending, now
        return now - self.since


class Patience:
    """Waits for the end of an import, and reports it once if that takes more than a moment."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._watch = Watch()
        self._began: float | None = None
        self._reported = False

    def wait(self, pending: Pending) -> None:
        """Return after a moment; raise ``ImportPending`` when it is no use to wait on."""
        now = self._access.monotonic()
        if self._began is None:
            self._began = now
        still = self._watch.still_for(pending, now)
        place = self._access.place
        if still >= DEAD:
            reason = (
                f"an import by {pending.by} has stood still for {still:.0f} s: finish it or take "
                "it back with 'ddbcfg-client revision repair'; nothing was written"
            )
            raise ImportPending(place.table, place.store, reason)
        if now - self._began >= LONGEST_WAIT:
            reason = f"an import by {pending.by} goes on; nothing was written: try again later"
            raise ImportPending(place.table, place.store, reason)
        # After the first look: what ends in a second needs no word.
        if now - self._began >= _LOOK and not self._reported:
            self._reported = True
            if self._access.on_wait is not None:
                self._access.on_wait(pending)
        self._access.wait(_LOOK)
