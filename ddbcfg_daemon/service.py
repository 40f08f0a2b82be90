"""The service: one refresher for each store, signals, the service manager, an orderly end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence

from ddbcfg_daemon.metrics import metrics_text
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.signals import STOPPING, Signals
from ddbcfg_daemon.systemd import Notifier

log = logging.getLogger("ddbcfg.daemon")

_LOOK_EVERY = 1.0  # seconds
_OVERDUE = 2.0  # seconds
STUCK = 120.0  # seconds without progress of a loop; a reading that hangs does not stop it
_PATIENCE = 2.0  # seconds that a poll under way, and the copy on disk, get to end


class Service:
    """Runs refreshers until SIGTERM or SIGINT, or until one of them fails for good."""

    def __init__(
        self, notifier: Notifier, signals: Signals, metrics: MetricsFile | None = None
    ) -> None:
        self._notifier = notifier
        self._signals = signals
        self._metrics = metrics
        self._ready = False
        self._polled = False
        self._threads: list[threading.Thread] = []

    def wake(self) -> None:
        """Have the main thread look at the refreshers now; called from theirs."""
        self._polled = True
        self._signals.wake()

    def run(self, refreshers: Sequence[Refresher]) -> BaseException | None:
        """Serve; what ended a refresher, or None after a signal to stop."""
        self._signals.collect()
        for refresher in refreshers:
            # daemon=True: one that hangs in the network does not hold up the end.
            thread = threading.Thread(
                target=refresher.run, name=refresher.publisher.names.store, daemon=True
            )
            thread.start()
            self._threads.append(thread)
        try:
            return self._watch(refreshers)
        finally:
            self._notifier.send("STOPPING=1")
            self._stop(refreshers)

    def _watch(self, refreshers: Sequence[Refresher]) -> BaseException | None:
        pause = min(_LOOK_EVERY, self._notifier.watchdog / 3 or _LOOK_EVERY)
        told = -pause
        while True:
            received = self._signals.wait(pause)
            for number in received & STOPPING:
                log.info("stopping on %s", number.name)
                return None
            if signal.SIGHUP in received:
                new = [refresher.nudge() for refresher in refreshers]
                if any(new):  # one line for a poll, not one for each signal
                    log.info("polling now on SIGHUP")
            for refresher in refreshers:
                if refresher.failure is not None:
                    return refresher.failure
            polled, self._polled = self._polled, False
            if received and not polled and time.monotonic() < told + pause:
                continue  # nothing has happened yet, however fast signals come
            self._tell(refreshers)
            told = time.monotonic()
            if polled and self._metrics is not None:
                self._metrics.write(metrics_text(refreshers))

    def _tell(self, refreshers: Sequence[Refresher]) -> None:
        """Tell the service manager how things are, as far as they are well."""
        states = ["STATUS=" + "; ".join(refresher.summary for refresher in refreshers)]
        ready = not self._ready and all(refresher.ready for refresher in refreshers)
        if ready:
            states.append("READY=1")
        longest = max((refresher.silence for refresher in refreshers), default=0.0)
        if longest < STUCK:
            # Fed by the progress of the loops, not by this one's: a stuck refresher starves it.
            states.append("WATCHDOG=1")
        if self._notifier.send(*states) and ready:
            self._ready = True  # said until it arrived
        for refresher in refreshers:
            # Its wait does not count the time that the host was suspended.
            if refresher.silence > _OVERDUE:
                refresher.wake()

    def _stop(self, refreshers: Sequence[Refresher]) -> None:
        for refresher in refreshers:
            refresher.stop()
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for refresher in refreshers:
            refresher.finish_copy(max(0.0, deadline - time.monotonic()))
