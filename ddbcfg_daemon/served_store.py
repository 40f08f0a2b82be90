"""One store in the daemon: made to be served, refreshed, and taken up again when that ended.

Each has a fate of its own.  Somebody's object in the way of one, or another daemon that serves it,
is no reason not to serve the others; it is tried again until it goes well.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.exits import MENDABLE, is_final, log_fault, reason_of
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.schedule import Schedule

log = logging.getLogger("ddbcfg.daemon")

_TRIES = 3  # in a row that failed, until nobody need wait for it any longer
_LONGEST_PAUSE = 60.0  # seconds until a store that could not be served is tried again


class ServedStore:
    """Serves the store *names* with what *make* makes, in a thread that runs :meth:`run`.

    *make* takes the store's names in shared memory, so it can fail; *end* lets go of them.
    """

    def __init__(
        self,
        names: Names,
        make: Callable[[], Refresher],
        *,
        interval: float,
        end: Callable[[Refresher], None],
        on_event: Callable[[], None] = lambda: None,
    ) -> None:
        self.names = names
        self.refresher: Refresher | None = None
        self.obstacle: BaseException | None = None  # why it is not served now
        self._make = make
        self._end = end
        self._on_event = on_event
        self._interval = interval
        self._schedule = Schedule(min(interval, _LONGEST_PAUSE))
        self._failures = 0
        self._stop = threading.Event()
        self._wake = threading.Event()

    # --- what the service looks at ---------------------------------------------------------------

    @property
    def label(self) -> str:
        """What log lines and status lines call it."""
        return f"{self.names.namespace}/{self.names.store}"

    @property
    def ready(self) -> bool:
        """Whether readers have something to read, and somebody keeps it up to date."""
        refresher = self.refresher
        return refresher is not None and refresher.ready

    @property
    def settled(self) -> bool:
        """Whether it is ready, or will not be by trying once or twice more."""
        refresher, obstacle = self.refresher, self.obstacle
        if refresher is None:
            return obstacle is not None and (is_final(obstacle) or self._failures >= _TRIES)
        return refresher.ready or refresher.refused or refresher.status.failures >= _TRIES

    @property
    def silence(self) -> float:
        """Seconds since its thread last got on, not counting the time it means to sleep."""
        refresher = self.refresher
        return 0.0 if refresher is None else refresher.silence

    @property
    def summary(self) -> str:
        """One phrase on how the store is doing."""
        refresher, obstacle = self.refresher, self.obstacle
        if refresher is not None:
            return refresher.summary
        if obstacle is not None:
            return f"{self.label}: not served: {reason_of(obstacle)}"
        return f"{self.label}: starting"

    # --- its life --------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until :meth:`stop`; the body of the store's thread."""
        while not self._stop.is_set():
            failure = self._serve()
            if failure is None:
                return
            self._failures += 1
            self.obstacle = failure
            pause = self._schedule.retry(self._failures)
            log.warning(
                "%s: not served: %s; next try in %.0f s", self.label, reason_of(failure), pause
            )
            self._on_event()
            self._wake.wait(pause)
            self._wake.clear()

    def _serve(self) -> BaseException | None:
        """Serve until that ends; return why it did, or None after :meth:`stop`."""
        try:
            return self._serve_until_it_ends()
        except MENDABLE as error:
            return error.with_traceback(None)  # it would keep what its frames hold
        except BaseException as error:  # noqa: BLE001 - a fault; the service decides what follows
            log_fault(self.label, error)
            return error.with_traceback(None)

    def _serve_until_it_ends(self) -> BaseException | None:
        refresher = self.refresher or self._make()  # poll_once() may have made it
        self.obstacle = None
        self.refresher = refresher
        log.info(
            "serving %s as %s, polling every %g s", self.label, self.names.page, self._interval
        )
        if self._stop.is_set():  # while it was made
            return None
        refresher.run()
        if refresher.ready:
            self._failures = 0
        if refresher.failure is not None:
            self.close()
        return refresher.failure

    def stop(self) -> None:
        """End :meth:`run` soon; a poll that is under way is not waited for."""
        self._stop.set()
        self._wake.set()
        if self.refresher is not None:
            self.refresher.stop()

    def nudge(self) -> bool:
        """Ask for a poll, or another try, now; return whether none was asked for yet."""
        if self.refresher is not None:
            return self.refresher.nudge()
        asked = self._wake.is_set()
        self._wake.set()
        return not asked

    def wake(self) -> None:
        """Have a sleeping loop look at the clock now; called from other threads."""
        if self.refresher is not None:
            self.refresher.wake()

    def finish_copy(self, patience: float) -> None:
        """Wait until the copy on disk is written, but no longer than that."""
        if self.refresher is not None:
            self.refresher.finish_copy(patience)

    def poll_once(self, patience: float) -> BaseException | None:
        """Serve for one poll, in this thread; why it failed.  The disk gets *patience* seconds.

        :meth:`run` goes on from there.
        """
        try:
            self.refresher = self._make()
            failure = self.refresher.poll()
            self.refresher.finish_copy(patience)
        except MENDABLE as error:
            return error
        return failure

    def close(self) -> None:
        """Let go of the store's names; at the end, when :meth:`run` has ended or hangs."""
        refresher, self.refresher = self.refresher, None
        if refresher is not None:
            self._end(refresher)
