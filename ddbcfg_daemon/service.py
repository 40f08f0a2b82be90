"""The service: a thread for each store, signals, the service manager, an orderly end."""

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
STUCK = 120.0  # seconds without progress of a loop; a reading that hangs does not stop it
_PATIENCE = 2.0  # seconds that a poll under way, and the copy on disk, get to end


class Service:
    """Serves stores until SIGTERM or SIGINT, or until none of them can be served for one reason."""

    def __init__(
        self, notifier: Notifier, signals: Signals, outputs: Sequence[Output] = ()
    ) -> None:
        self._notifier = notifier
        self._signals = signals
        self._outputs = outputs
        self._ready = False
        self._polled = False
        self._told = 0.0
        self._threads: list[threading.Thread] = []

    def wake(self) -> None:
        """Have the main thread look at the stores now; called from their threads."""
        self._polled = True
        self._signals.wake()

    def run(self, stores: Sequence[ServedStore]) -> BaseException | None:
        """Serve; what keeps every store from being served, or None after a signal to stop."""
        self._signals.collect()
        try:
            for store in stores:
                # daemon=True: one that hangs in the network does not hold up the end.
                thread = threading.Thread(target=store.run, name=store.label, daemon=True)
                thread.start()
                self._threads.append(thread)
            return self._watch(stores)
        finally:
            self._notifier.send("STOPPING=1")
            self._stop(stores)

    def _watch(self, stores: Sequence[ServedStore]) -> BaseException | None:
        pause = min(_LOOK_EVERY, self._notifier.watchdog / 3 or _LOOK_EVERY)
        self._told = -pause
        while True:
            received = self._signals.wait(pause)
            for number in received & STOPPING:
                log.info("stopping on %s", number.name)
                return None
            try:
                failure = self._look(stores, received, pause)
            except MemoryError:
                # The reading of one store that takes it all fails; that is all that has to.
                self._polled = True
                continue
            if failure is not None:
                return failure

    def _look(
        self, stores: Sequence[ServedStore], received: Set[signal.Signals], pause: float
    ) -> BaseException | None:
        """Look at the stores once; return what keeps every one of them from being served."""
        if signal.SIGHUP in received:
            new = [store.nudge() for store in stores]
            if any(new):  # one line for a poll, not one for each signal
                log.info("polling now on SIGHUP")
        failure = common_failure([store.obstacle for store in stores])
        if failure is not None:
            return failure
        polled, self._polled = self._polled, False
        if received and not polled and time.monotonic() < self._told + pause:
            return None  # nothing has happened yet, however fast signals come
        self._tell(stores)
        self._told = time.monotonic()
        if polled:
            for output in self._outputs:
                output.update(stores)
        return None

    def _tell(self, stores: Sequence[ServedStore]) -> None:
        """Tell the service manager how things are, as far as they are well."""
        states = ["STATUS=" + "; ".join(store.summary for store in stores)]
        # One that cannot be served is no reason to keep the applications of the others waiting.
        settled = all(store.settled for store in stores)
        ready = not self._ready and settled and any(store.ready for store in stores)
        if ready:
            states.append("READY=1")
        longest = max((store.silence for store in stores), default=0.0)
        if longest < STUCK:
            # Fed by the progress of the loops, not by this one's: a stuck refresher starves it.
            states.append("WATCHDOG=1")
        if self._notifier.send(*states) and ready:
            self._ready = True  # said until it arrived
        for store in stores:
            # Its wait does not count the time that the host was suspended.
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
