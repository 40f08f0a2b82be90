"""The service: one thread for each store, signals, the service manager, orderly shutdown."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from ddbcfg_client.printable import without_passwords
from ddbcfg_daemon.exits import MENDABLE, common_failure, log_fault, reason_of
from ddbcfg_daemon.outputs.base import Output
from ddbcfg_daemon.outputs.opening import close_outputs
from ddbcfg_daemon.served_store import STUCK, ServedStore
from ddbcfg_daemon.signals import STOPPING, Signals
from ddbcfg_daemon.systemd import Notifier

log = logging.getLogger("ddbcfg.daemon")

_LOOK_EVERY = 1.0  # seconds
_OVERDUE = 2.0  # seconds
_PATIENCE = 2.0  # seconds to wait at shutdown for a running poll and the copy on disk


@dataclass(frozen=True, slots=True)
class Change:
    """What a changed file of settings means for a service.

    ``stores`` are to be served from now on: those of ``coming`` are new among them, and those of
    ``leaving`` are not served any more.  ``outputs`` is None if the outputs stay.
    """

    stores: Sequence[ServedStore]
    coming: Sequence[ServedStore]
    leaving: Sequence[ServedStore]
    outputs: Sequence[Output] | None = None


class Service:
    """Serves stores until SIGTERM or SIGINT, or until all of them fail for the same reason."""

    def __init__(
        self,
        notifier: Notifier,
        signals: Signals,
        outputs: Sequence[Output] = (),
        reread: Callable[[], Change | None] = lambda: None,
    ) -> None:
        self._notifier = notifier
        self._signals = signals
        self._outputs = outputs
        self._reread = reread
        self._stores: list[ServedStore] = []
        self._ready = False
        self._polled = False
        self._notified_at = 0.0
        self._threads: dict[ServedStore, threading.Thread] = {}
        self._leaving: set[ServedStore] = set()
        self._refusal = ""  # of the file, when it was last read

    def wake(self) -> None:
        """Make the main thread check the stores now; called from their threads."""
        self._polled = True
        self._signals.wake()

    def run(self, stores: Sequence[ServedStore]) -> BaseException | None:
        """Serve; return the failure common to all stores, or None after a signal to stop."""
        self._signals.collect()
        self._stores = list(stores)
        for output in self._outputs:
            output.begin(stores)
        try:
            for store in stores:
                self._start(store)
            return self._watch()
        finally:
            self._notifier.send("STOPPING=1")
            self._stop()

    def _watch(self) -> BaseException | None:
        pause = min(_LOOK_EVERY, self._notifier.watchdog / 3 or _LOOK_EVERY)
        self._notified_at = -pause
        while True:
            received = self._signals.wait(pause)
            for number in received & STOPPING:
                log.info("stopping on %s", number.name, extra={"event": "stopping"})
                return None
            try:
                if signal.SIGHUP in received:
                    self._reload()
                failure = self._look(self._stores, received, pause)
            except MemoryError:
                # The reading that takes all the memory fails by itself; the service continues.
                self._polled = True
                continue
            if failure is not None:
                return failure

    def _look(
        self, stores: Sequence[ServedStore], received: Set[signal.Signals], pause: float
    ) -> BaseException | None:
        """Check the stores once; return the failure common to all of them, if there is one."""
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
        # First: "systemctl reload" succeeds whatever the file says, and a long status is truncated.
        refusal = [f"settings refused: {without_passwords(self._refusal)}"] if self._refusal else []
        states = ["STATUS=" + "; ".join([*refusal, *(store.summary for store in stores)])]
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

    # --- the lifecycle of stores -----------------------------------------------------------------

    def _reload(self) -> None:
        """Apply what changed in the file of settings, and poll."""
        refusal, change = "", None
        try:
            change = self._reread()
        except MENDABLE as error:
            refusal = reason_of(error)
        if change is not None:
            self._apply(change)
        # Those that are new poll anyway, and those that leave must not begin another poll.
        coming = () if change is None else change.coming
        new = [store.nudge() for store in self._stores if store not in coming]
        if any(new):  # one line for each poll, not for each signal
            log.info("polling now on SIGHUP")
        if refusal and (any(new) or refusal != self._refusal):
            log.error(
                "settings unchanged, because they cannot be used: %s",
                refusal,
                extra={"event": "settings_refused"},
            )
        if refusal != self._refusal:
            self._polled = True  # the status shows it now
        self._refusal = refusal

    def _apply(self, change: Change) -> None:
        self._stores = list(change.stores)
        if change.outputs is not None:
            close_outputs(output for output in self._outputs if output not in change.outputs)
            self._outputs = change.outputs
        self._polled = True
        for store in change.leaving:
            self._leaving.add(store)
            store.stop()
        for store in change.coming:
            # The last one: an earlier one is waited for by that.
            before = [old for old in list(self._threads) if old.names.page == store.names.page]
            self._start(store, self._threads.get(before[-1]) if before else None)

    def _start(self, store: ServedStore, after: threading.Thread | None = None) -> None:
        # daemon=True: a thread that hangs in the network does not delay the shutdown.
        thread = threading.Thread(
            target=self._serve, args=(store, after), name=store.label, daemon=True
        )
        self._threads[store] = thread
        thread.start()

    def _serve(self, store: ServedStore, after: threading.Thread | None) -> None:
        """Serve the store until it is stopped; the body of its thread.

        ``after`` is the thread of the store that had its names before.
        """
        if after is not None:
            after.join()
        store.run()
        if store in self._leaving:
            # Here, not in the main thread: a poll or the disk may take long.
            try:
                store.finish_copy(_PATIENCE)
                store.close()
            except Exception as fault:  # noqa: BLE001 - Python would print its text
                log_fault(store.label, fault)
            self._threads.pop(store, None)
            self._leaving.discard(store)

    def close(self) -> None:
        """Release the names of all stores; called at the end."""
        for store in self._all():
            store.close()
        close_outputs(self._outputs)

    def _all(self) -> list[ServedStore]:
        return [*self._stores, *list(self._leaving)]

    def _stop(self) -> None:
        stores = self._all()
        for store in stores:
            store.stop()
        deadline = time.monotonic() + _PATIENCE
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))
        for store in stores:
            store.finish_copy(max(0.0, deadline - time.monotonic()))
