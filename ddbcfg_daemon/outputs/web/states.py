"""The state of a store as it is shown: taken at one moment, without values of options."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ddbcfg_client.commands.condition import (
    EMPTY,
    FAILING,
    FRESH,
    HELD,
    IN_DOUBT,
    PINNED,
    STALE,
    STALE_AFTER,
)
from ddbcfg_client.commands.status_text import pinned_text
from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_client.printable import printable, without_passwords
from ddbcfg_client.shm.clock import age_of
from ddbcfg_daemon.exits import reason_of
from ddbcfg_daemon.layers.state import LayerState
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore

STARTING, NOT_SERVED = "starting", "not served"

#: From the worst to the best; what needs a person comes first.
ORDER = (NOT_SERVED, EMPTY, FAILING, STALE, PINNED, HELD, IN_DOUBT, STARTING, FRESH)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """The state of one store.

    ``condition`` is one of ``ORDER``, ``reason`` says why; ``since`` is the time of a pin,
    hold or doubt, in seconds since 1970, 0 without one.  ``ready``: readers have a snapshot.
    ``stuck`` is the seconds without progress of its thread.  ``longest_interval`` is that of its
    slowest layer, if it has layers.
    """

    namespace: str
    store: str
    condition: str
    reason: str
    since: float = 0.0
    ready: bool = False
    stuck: float = 0.0
    generation: int = 0
    digest: str = ""
    revision: int = 0
    table_revision: int = 0
    options: int = 0
    size: int = 0
    read_at: float = 0.0
    age: float | None = None
    interval: float = 0.0
    longest_interval: float = 0.0
    polled_at: float = 0.0
    source: str = ""
    polls: int = 0
    failures: int = 0
    read_units: float = 0.0
    copy_error: str = ""
    layers: tuple[LayerState, ...] = ()

    @property
    def label(self) -> str:
        """The store's name in log and status lines."""
        return f"{self.namespace}/{self.store}"


def state_of(store: ServedStore) -> StoreState:
    """Return the state of ``store`` now."""
    names, refresher, obstacle = store.names, store.refresher, store.obstacle
    if refresher is None:
        condition, reason = (NOT_SERVED, _text(reason_of(obstacle))) if obstacle else (STARTING, "")
        return StoreState(
            namespace=names.namespace, store=names.store, condition=condition, reason=reason
        )
    status, snapshot, generation = refresher.status, refresher.snapshot, refresher.generation
    condition, reason, since = _condition(refresher, status, generation)
    return StoreState(
        namespace=names.namespace,
        store=names.store,
        condition=condition,
        reason=_text(reason),
        since=since,
        ready=generation > 0,
        stuck=refresher.silence,
        generation=generation,
        digest="" if snapshot is None else snapshot.digest,
        revision=status.revision,
        table_revision=status.table_revision,
        options=0 if snapshot is None else len(snapshot),
        size=0 if snapshot is None else snapshot.size,
        read_at=0.0 if snapshot is None else snapshot.read_at,
        age=age_of(status.success) if generation else None,
        interval=refresher.interval,
        longest_interval=refresher.longest_interval,
        polled_at=_moment(status.poll_finished),
        source=status.source,
        polls=status.polls,
        failures=status.failures,
        read_units=status.half_units / 2,
        copy_error=_text(status.copy_error),
        layers=tuple(refresher.layers),
    )


def _pin_text(status: PageStatus, generation: int) -> str:
    read = status.polls > status.failures and status.success_unix > status.pinned_since
    by, held = status.pinned_by, bool(status.held)
    return pinned_text(status.pinned, generation, by=by, held=held, read=read)


def _condition(refresher: Refresher, status: PageStatus, generation: int) -> tuple[str, str, float]:
    """Return the worst condition that applies, the reason, and since when it is known."""
    if not generation:
        if status.held:
            return EMPTY, f"no snapshot yet: {status.held}", _seconds(status.held_since)
        if status.error:
            return EMPTY, f"no snapshot yet: {status.error}", 0.0
        return STARTING, "the first poll has not ended yet", 0.0
    if status.failures:
        polls = "poll" if status.failures == 1 else f"{status.failures} polls"
        return FAILING, f"the last {polls} failed: {status.error}", 0.0
    age = age_of(status.success)
    if age is None:
        return STALE, "its age is unknown", 0.0
    if age > STALE_AFTER * (longest := refresher.longest_interval):
        what = "it is" if longest == refresher.interval else "each of its layers is"
        return STALE, f"not confirmed, although {what} polled every {longest:g} s", 0.0
    if status.pinned:
        return PINNED, _pin_text(status, generation), _seconds(status.pinned_since)
    if status.held:
        return HELD, status.held, _seconds(status.held_since)
    if status.doubt_since != NEVER:
        why = status.note or "no revision explains what is published"
        return IN_DOUBT, why, _seconds(status.doubt_since)
    return FRESH, "", 0.0


def _text(reason: str) -> str:
    return printable(without_passwords(reason))


def _seconds(moment: int) -> float:
    return 0.0 if moment == NEVER else moment / 1e9


def _moment(boottime: int) -> float:
    """Return the time since 1970 of a time of CLOCK_BOOTTIME; 0 if there is none."""
    ago = age_of(boottime)
    return 0.0 if ago is None else time.time() - ago
