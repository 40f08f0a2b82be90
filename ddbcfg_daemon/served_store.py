"""One store in the daemon: it is served and refreshed, and tried again after a failure.

Stores are independent.  If one cannot be served, because of another user's object or another
daemon, the others are served, and this one is retried until it succeeds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.exits import MENDABLE, is_final, log_fault, reason_of
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.schedule import Schedule
from ddbcfg_daemon.store_label import StoreLabel

log = logging.getLogger("ddbcfg.daemon")

STUCK = 120.0  # seconds without progress of a loop; a hanging reading does not stop the loop
_TRIES = 3  # failures in a row after which the readiness of the service ignores the store
_LONGEST_PAUSE = 60.0  # seconds until a store that could not be served is tried again


class ServedStore:
    """Serves the store ``names`` in a thread that runs ``run``.

    ``make`` creates the refresher.  It can fail, because it takes the store's names in shared
    memory; ``end`` releases them.  ``about`` describes the store's settings for the log.
    """

    def __init__(
        self,
        names: Names,
        make: Callable[[], Refresher],
        *,
        interval: float,
        about: str = "",
        end: Callable[[Refresher], None],
        on_event: Callable[[], None] = lambda: None,
    ) -> None:
        self.names = names
        self.refresher: Refresher | None = None
        self.obstacle: BaseException | None = None  # why the store is not served now
        self._make = make
        self._end = end
        self._on_event = on_event
        self._about = about
        self._schedule = Schedule(min(interval, _LONGEST_PAUSE))
        self._failures = 0
        self._stop = threading.Event()
        self._wake = threading.Event()

    # --- state that the service reads ------------------------------------------------------------

    @property
    def label(self) -> str:
        """The store's name in log and status lines."""
        return StoreLabel(self.names)

    @property
    def ready(self) -> bool:
        """Whether readers have a snapshot to read, and a refresher keeps it up to date."""
        refresher = self.refresher
        return refresher is not None and refresher.ready

    @property
    def settled(self) -> bool:
        """Whether the store is ready, or one or two more attempts will not make it ready."""
        refresher, obstacle = self.refresher, self.obstacle
        if refresher is None:
            return obstacle is not None and (is_final(obstacle) or self._failures >= _TRIES)
        return refresher.ready or refresher.refused or refresher.status.failures >= _TRIES

    @property
    def silence(self) -> float:
        """Seconds since its thread last made progress, not counting its planned sleep."""
        refresher = self.refresher
        return 0.0 if refresher is None else refresher.silence

    @property
    def summary(self) -> str:
        """The state of the store in one phrase."""
        refresher, obstacle = self.refresher, self.obstacle
        if refresher is not None:
            return refresher.summary
        if obstacle is not None:
            return f"{self.label}: not served: {reason_of(obstacle)}"
        return f"{self.label}: starting"

    # --- the lifecycle ---------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until ``stop``."""
        while not self._stop.is_set():
            failure = self._serve()
            if failure is None:
                return
            self._failures += 1
            self.obstacle = failure
            pause = self._schedule.retry(self._failures)
            log.warning(
                "%s: not served: %s; next try in %.0f s",
                self.label,
                reason_of(failure),
                pause,
                extra={"event": "not_served"},
            )
            self._on_event()
            self._wake.wait(pause)
            self._wake.clear()

    def _serve(self) -> BaseException | None:
        """Serve until a failure, and return it, or None after ``stop``."""
        try:
            return self._serve_until_it_ends()
        except MENDABLE as error:
            return error.with_traceback(None)  # the traceback keeps its frames' objects alive
        except BaseException as error:  # noqa: BLE001 - a bug; the service decides what follows
            log_fault(self.label, error)
            return error.with_traceback(None)

    def _serve_until_it_ends(self) -> BaseException | None:
        refresher = self.refresher or self._make()  # poll_once() may have made it
        self.obstacle = None
        self.refresher = refresher
        log.info(
            "serving %s as %s: %s",
            self.label,
            self.names.page,
            self._about,
            extra={"event": "serving"},
        )
        if self._stop.is_set():  # stop() may have come while make() ran
            return None
        refresher.run()
        if refresher.ready:
            self._failures = 0
        if refresher.failure is not None:
            self.close()
        return refresher.failure

    def stop(self) -> None:
        """End ``run`` soon; return without waiting for a running poll."""
        self._stop.set()
        self._wake.set()
        if self.refresher is not None:
            self.refresher.stop()

    def nudge(self) -> bool:
        """Request a poll, or another attempt, now; return whether none was pending."""
        if self.refresher is not None:
            return self.refresher.nudge()
        pending = self._wake.is_set()
        self._wake.set()
        return not pending

    def wake(self) -> None:
        """Make a sleeping loop check the clock now; called from other threads."""
        if self.refresher is not None:
            self.refresher.wake()

    def finish_copy(self, patience: float) -> None:
        """Wait until the copy on disk is written, for at most ``patience`` seconds."""
        if self.refresher is not None:
            self.refresher.finish_copy(patience)

    def poll_once(self, patience: float) -> BaseException | None:
        """Poll once in this thread; return the failure, if there is one.

        Wait at most ``patience`` seconds for the disk.  ``run`` continues with the same
        refresher.
        """
        try:
            self.refresher = self._make()
            failure = self.refresher.poll()
            self.refresher.finish_copy(patience)
        except MENDABLE as error:
            return error
        return failure

    def close(self) -> None:
        """Release the store's names; called at the end, after ``run`` ended or if it hangs."""
        refresher, self.refresher = self.refresher, None
        if refresher is not None:
            self._end(refresher)
