"""What changed lately: the names of options, for each generation, and when it was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.changes import Logged
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.served_store import ServedStore

KEPT = 8  # generations of a store


@dataclass(frozen=True, slots=True)
class Changed:
    """The names that changed in a generation; ``at`` is seconds since 1970, 0 if unknown."""

    generation: int
    at: float
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class History:
    """The last changes of each store.

    The segment has the names of its last generations, but only its own time: earlier times are
    known as far as this daemon has seen them.
    """

    def __init__(self) -> None:
        self._changes: dict[str, tuple[Changed, ...]] = {}
        self._seen: dict[str, int] = {}

    def note(self, stores: Sequence[ServedStore]) -> None:
        """Learn the generations that are new; called by one thread."""
        for store in stores:
            refresher = store.refresher
            snapshot = None if refresher is None else refresher.snapshot
            if snapshot is not None and self._seen.get(store.names.page) != snapshot.generation:
                if snapshot.generation < self._seen.get(store.names.page, 0):
                    # The store was removed meanwhile: these generations are of a new one.
                    self._changes.pop(store.names.page, None)
                self._seen[store.names.page] = snapshot.generation
                self._learn(store.names.page, snapshot)

    def of(self, page: str) -> tuple[Changed, ...]:
        """Return the last changes of the store with this page, newest first."""
        return self._changes.get(page, ())

    def _learn(self, page: str, snapshot: Snapshot) -> None:
        try:
            log: Sequence[Logged] = snapshot.changes().log
        except (ConfigError, OSError):
            log = ()  # the segment was replaced meanwhile: the next one has these names, too
        known = {change.generation: change for change in self.of(page)}
        for generation, added, changed, removed in log:
            at = snapshot.read_at if generation == snapshot.generation else 0.0
            known.setdefault(generation, Changed(generation, at, added, changed, removed))
        newest = sorted(known.values(), key=lambda change: -change.generation)
        self._changes[page] = tuple(newest[:KEPT])
