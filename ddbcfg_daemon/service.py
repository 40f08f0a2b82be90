"""The service: one thread for each store, signals, the service manager, orderly shutdown."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence, Set

from ddbcfg_daemon.exits import common_failure
from ddbcfg_daemon.outputs.base import Output
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.signals import STOPPING, Signals
from ddbcfg_daemon.systemd import Notifier

log = logging.getLogger("ddbcfg.daemon")

_LOOK_EVERY = 1.0  # seconds
_OVERDUE = 2.0  # seconds
STUCK = 120.0  # seconds without progress of a loop; a hanging reading does not stop the loop
_PATIENCE = 2.0  # seconds to wait at shutdown for a running poll and the copy on disk


class Service:
    """Serves stores until SIGTERM or SIGINT, or until all of them fail for the same reason."""

    def __init__(
        self, notifier: Notifier, signals: Signals, outputs: Sequence[Output] = ()
    ) -> None:
        self._notifier = notifier
        self._signals = signals
        self._outputs = outputs
        self._ready = False
        self._polled = False
        self._notified_at = 0.0
        self._threads: list[threading.Thread] = []

    def wake(self) -> None:
        """Make the main thread check the stores now; called from their threads."""
        self._polled = True
        self._signals.wake()

    def run(self, stores: Sequence[ServedStore]) -> BaseException | None:
        """Serve; return the failure common to all stores, or None after a signal to stop."""
        self._signals.collect()
        try:
            for store in stores:
                # daemon=True: a thread that hangs in the network does not delay the shutdown.
                thread = threading.Thread(target=store.run, name=store.label, daemon=True)
                thread.start()
                self._threads.append(thread)
            return self._watch(stores)
        finally:
            self._notifier.send("STOPPING=1")
            self._stop(stores)

    def _watch(self, stores: Sequence[ServedStore]) -> BaseException | None:
        pause = min(_LOOK_EVERY, self._notifier.watchdog / 3 or _LOOK_EVERY)
        self._notified_at = -pause
        while True:
            received = self._signals.wait(pause)
            for number in received & STOPPING:
                log.info("stopping on %s", number.name)
                return None
            try:
                failure = self._look(stores, received, pause)
            except MemoryError:
                # The reading that takes all the memory fails by itself; the service goes on.
                self._polled = True
                continue
            if failure is not None:
                return failure

    def _look(
        self, stores: Sequence[ServedStore], received: Set[signal.Signals], pause: float
    ) -> BaseException | None:
        """Check the stores once; return the failure common to all of them, if there is one."""
        if signal.SIGHUP in received:
            new = [store.nudge() for store in stores]
            if any(new):  # one line for each poll, not for each signal
                log.info("polling now on SIGHUP")
        failure = common_failure([store.obstacle for store in stores])
        if failure is not None:
            return failure
        polled, self._polled = self._polled, False
        if received and not polled and time.monotonic() < self._notified_at + pause:
            return None  # nothing new: frequent signals must not cause frequent messages
        self._notify(stores)
        self._notified_at = time.monotonic()
        if polled:
            for output in self._outputs:
                output.update(stores)
        return None

    def _notify(self, stores: Sequence[ServedStore]) -> None:
        """Send systemd the status, READY=1 and, unless a refresher is stuck, WATCHDOG=1."""
        states = ["STATUS=" + "; ".join(store.summary for store in stores)]
        # A store that cannot be served does not delay the applications that read other stores.
        settled = all(store.settled for store in stores)
        ready = not self._ready and settled and any(store.ready for store in stores)
        if ready:
            states.append("READY=1")
        longest = max((store.silence for store in stores), default=0.0)
        if longest < STUCK:
            # Depends on the refreshers' progress, not on this loop: a stuck refresher stops it.
            states.append("WATCHDOG=1")
        if self._notifier.send(*states) and ready:
            self._ready = True  # only now: READY=1 is sent again until it arrives
        for store in stores:
            # The wait of a sleeping loop does not count the time that the host was suspended.
            if store.silence > _OVERDUE:
                store.wake()

    def _stop(self, stores: Sequence[ServedStore]) -> None:
        for store in stores:
            store.stop()
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for store in stores:
            store.finish_copy(max(0.0, deadline - time.monotonic()))
