"""The events of the provider, from one thread in each process.

A thread that was started before a fork does not exist in the child.  The SDK runs the handlers of
events in a ThreadPoolExecutor, which believes in the child that its threads are still there: it
queues handlers forever.  So a forked process starts its own thread, and the SDK gets a new executor
(``sdk_forks``).  Handlers of the parent's last event may not have run before the fork, so the first
event in the child is about that change too.
"""

from __future__ import annotations

import threading
from time import monotonic, sleep
from typing import TYPE_CHECKING

from openfeature.event import ProviderEvent, ProviderEventDetails
from openfeature.exception import ErrorCode

# A child that is forked during an import waits for it forever, so the thread imports nothing.
import ddbcfg_client.shm.status
import ddbcfg_client.waking.page  # noqa: F401
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.integrations.openfeature.sdk_forks import EMITTING, revive_event_executor
from ddbcfg_client.objects import forks
from ddbcfg_client.reporting import log

if TYPE_CHECKING:
    from openfeature.provider import AbstractProvider

    from ddbcfg_client.attachment import Position
    from ddbcfg_client.config import Config
    from ddbcfg_client.waking.change import Change
    from ddbcfg_client.waking.waiting import Changes

_LOOK_EVERY = 1.0  # seconds, at the age, which grows without a change
_STALE_AT_LEAST = 30.0
_INTERVALS = 3

_READY = ProviderEvent.PROVIDER_READY
_STALE = ProviderEvent.PROVIDER_STALE
_ERROR = ProviderEvent.PROVIDER_ERROR


class Watch:
    """Emits a provider's events, once it was started in this process."""

    def __init__(
        self, provider: AbstractProvider, config: Config, prefix: str, stale_after: float | None
    ) -> None:
        self._provider = provider
        self._config = config
        self._prefix = prefix
        self._stale_after = stale_after
        self._state = _READY  # the last one that was sent to the SDK
        self._states_from = 0.0  # the monotonic time before which no state is sent to the SDK
        self._changes: Changes | None = None
        # Before the last event; handlers know of the changes up to here.
        self._known: Position | None = None
        # By the process that it runs in: after a fork, that of the parent is here, too.
        self._threads: dict[int, threading.Thread] = {}

    def begin(self) -> str | None:
        """Take the present content as known; return why it cannot be read, or None."""
        self._follow()
        state, why = self._look()
        # The SDK itself says that the provider is ready, or that it is not.
        self._state = _ERROR if state is _ERROR else _READY
        # It does so soon after this returns, and must not be contradicted before.
        self._states_from = monotonic() + _LOOK_EVERY
        return why if state is _ERROR else None

    def start(self) -> None:
        """Start the thread of this process, unless it runs."""
        changes = self._follow()
        number = forks.process()
        thread = threading.Thread(
            target=self._run, args=(changes,), name="ddbcfg-openfeature", daemon=True
        )
        if self._threads.setdefault(number, thread) is not thread:
            return
        revive_event_executor()
        try:
            thread.start()
        except RuntimeError as error:  # at the end of the process, or no thread is left
            log("warning", f"{self._config!r}: no OpenFeature events in this process: {error}")

    def go_on(self) -> None:
        """Start the thread of a forked process, if its parent has one."""
        if self._changes is not None and self._threads:
            self._changes._since = self._known
            self.start()

    def stop(self) -> None:
        """Stop the thread of this process, and wait for its end."""
        changes, self._changes = self._changes, None
        if changes is not None:
            changes.close()
        threads, self._threads = self._threads, {}
        thread = threads.get(forks.process())
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join()

    def _follow(self) -> Changes:
        if self._changes is None:
            self._changes = self._config.changes()
            self._known = self._changes._since
        return self._changes

    # --- the thread -------------------------------------------------------------------------------

    def _run(self, changes: Changes) -> None:
        self._report_state()
        while self._changes is changes:
            change = self._next(changes)
            if self._changes is not changes:
                return
            if change is not None:
                self._report_change(change)
            self._report_state()

    def _next(self, changes: Changes) -> Change | None:
        position = changes._since
        try:
            change = changes.wait(_LOOK_EVERY)
        except ConfigError:
            sleep(_LOOK_EVERY)  # a look at the state shows why
            return None
        if change is not None:
            self._known = position
        return change

    def _report_change(self, change: Change) -> None:
        names: list[str] | None = None
        if change.complete:
            touched = sorted({*change.added, *change.changed, *change.removed})
            length = len(self._prefix)
            names = [name[length:] for name in touched if name.startswith(self._prefix)]
            if not names:
                return
        details = ProviderEventDetails(
            flags_changed=names, metadata={"generation": change.generation}
        )
        self._emit(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, details)

    def _report_state(self) -> None:
        if monotonic() < self._states_from:
            return
        state, why = self._look()
        if state is self._state:
            return
        self._state = state
        code = ErrorCode.GENERAL if state is _ERROR else None
        self._emit(state, ProviderEventDetails(message=why, error_code=code))

    def _emit(self, event: ProviderEvent, details: ProviderEventDetails) -> None:
        try:
            with EMITTING:
                self._provider.emit(event, details)
        except RuntimeError as error:
            # The executor takes no more handlers, as at the end of the process.
            if threading.main_thread().is_alive():
                log("warning", f"{self._config!r}: {event.value} was not delivered: {error}")

    def _look(self) -> tuple[ProviderEvent, str | None]:
        try:
            self._config.snapshot()
            age = self._config.age
            limit = self._stale_after
            if limit is None and (age is None or age > _STALE_AT_LEAST):
                status = self._config.status()
                interval = max(status.interval, status.longest_interval)
                limit = max(_STALE_AT_LEAST, _INTERVALS * interval)
        except ConfigError as error:
            return _ERROR, str(error)
        if limit is None or (age is not None and age <= limit):
            return _READY, None
        known = "is not known" if age is None else f"is {age:.0f} s"
        return _STALE, f"the age of the flags {known}; the limit is {limit:.0f} s"
