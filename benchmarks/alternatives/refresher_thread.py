"""A dict in each process that a thread of the process replaces now and then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB

_INTERVAL = 60.0  # seconds


class Store:
    """``options``, replaced whole by the thread."""

    def __init__(self) -> None:
        self.options: dict[str, dict[str, Any]] = {}
        self._stop = Event()
        self._load()
        self._thread = Thread(target=self._refresh, daemon=True)
        self._thread.start()

    def _load(self) -> None:
        self.options = {"db": dict(DB)}

    def _refresh(self) -> None:
        while not self._stop.wait(_INTERVAL):
            self._load()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """An attribute and a lookup: nothing is checked at a read."""
    store = Store()
    try:
        yield [Way("dict, refreshed by a thread", 'store.options["db"]', {"store": store})]
    finally:
        store.close()
