"""When a layer is read: by its own interval, after a failure, or sooner if the table wants that."""

from __future__ import annotations

from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.schedule import Schedule

_SLACK = 1.0  # seconds after its interval in which a poll of the store still reads a layer


class Due:
    """When a layer with this ``interval`` is read next; at first it is due at once.

    ``store_interval`` is the interval of the merged store's scheduled polls.  ``failures`` counts
    the readings in a row that failed.
    """

    def __init__(self, interval: float, store_interval: float) -> None:
        self.failures = 0
        self._interval = interval
        self._store_interval = store_interval
        self._schedule = Schedule(interval)
        self._pause = 0.0  # seconds after the last failure
        self._at = boottime()
        self._again: int | None = None  # what the last reading asked for

    def now(self) -> None:
        """Make it due at once."""
        self._at = boottime()

    def failed(self) -> None:
        """Record a reading that failed: it is tried again after a pause that grows."""
        self.failures += 1
        self._again = None
        self._pause = self._schedule.retry(self.failures)
        self._at = boottime() + round(self._pause * 1e9)

    def succeeded(self, *, scheduled: bool, again_in: float | None) -> None:
        """Record a good reading, which began by schedule or was requested.

        ``again_in`` is the seconds after which the source wants to read again; None if it does not.
        """
        self.failures = 0
        self._again = None
        if scheduled:
            interval = self._schedule.interval
            self._at = boottime() + round((interval + min(_SLACK, interval / 10)) * 1e9)
        if again_in is not None:
            self._again = boottime() + round(again_in * 1e9)

    def is_due(self, *, scheduled: bool, sooner: bool) -> bool:
        """Return whether to read it in a poll of the store, which may be a ``scheduled`` one.

        ``sooner`` says that scheduled polls come sooner, because something failed.
        """
        now, early = boottime(), 0.0
        if scheduled and self.failures:
            early = 366 * 86400.0
        elif scheduled and not sooner:
            # With the other layers, not separately a little later.
            early = min(self._interval, self._store_interval) / 2
        elif scheduled:
            early = min(self._interval / 10, 3 * _SLACK)  # a guard counts its polls
        elif self.failures:
            early = self._pause / 2  # with other layers that fail: their pauses are as long
        return now >= self._at - early * 1e9 or (self._again is not None and now >= self._again)

    @property
    def due_in(self) -> float:
        """Seconds until it has to be read."""
        at = self._at if self._again is None else min(self._at, self._again)
        return max(0.0, (at - boottime()) / 1e9)
