"""How long an import may make no progress.

A writer counts as dead if ``pending`` has not changed for a minute of the observer's own clock.
The clocks of two hosts are never compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from ddbcfg_client.dynamodb.revision.access import Access
from ddbcfg_client.dynamodb.revision.item import Pending
from ddbcfg_client.errors import ImportPending

#: Seconds without progress after which a writer counts as dead.
DEAD = 60.0
#: Seconds that a change of a few options waits for an import that is alive.
LONGEST_WAIT = 300.0
_LOOK = 1.0


@dataclass(slots=True)
class Watch:
    """Observes an import, and decides whether its writer is dead."""

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
        """Return after a moment; raise ``ImportPending`` if waiting longer does not help."""
        now = self._access.monotonic()
        if self._began is None:
            self._began = now
        still = self._watch.still_for(pending, now)
        place = self._access.place
        if still >= DEAD:
            reason = (
                f"an import by {pending.by} made no progress for {still:.0f} s: finish it or take "
                "it back with 'ddbcfg-client revision repair'; nothing was written"
            )
            raise ImportPending(place.table, place.store, reason)
        if now - self._began >= LONGEST_WAIT:
            reason = f"an import by {pending.by} is under way; nothing was written: try again later"
            raise ImportPending(place.table, place.store, reason)
        # After the first look: an import that ends within a second is not reported.
        if now - self._began >= _LOOK and not self._reported:
            self._reported = True
            if self._access.on_wait is not None:
                self._access.on_wait(pending)
        self._access.wait(_LOOK)
