"""The source that is several layers: each is read by itself, and what is known of them is merged.

A layer that cannot be read, that a guard holds or that is slow takes part with its last good
content.  If no content of it is known, nothing is merged: the store would lack the options of the
layer.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from ddbcfg_client.format.layering import Layering
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.errors import LayersFailed, LayersUnread
from ddbcfg_daemon.exits import reason_of
from ddbcfg_daemon.guards import Guard, GuardRefused, LayersRefused
from ddbcfg_daemon.layers.layer import Layer
from ddbcfg_daemon.layers.record import LayerRecord
from ddbcfg_daemon.layers.shown import ShownMerge
from ddbcfg_daemon.layers.state import LayerState
from ddbcfg_daemon.settings.store_values import LayerSettings, StoreSettings
from ddbcfg_daemon.sources.base import Progress, Provenance, Reading, Served, Source

#: Seconds that a scheduled poll waits for layers whose last good content is known.  A slower one is
#: merged when it comes, so it does not delay changes of the others.
PATIENCE = 5.0
_REQUEST_PATIENCE = 4.0  # the same of a poll on request: less than a client waits by default
_READ_PATIENCE = 10.0  # seconds that all copies on disk together may take after a start
_LOOK_EVERY = 1.0  # seconds


class LayersSource:
    """Reads the layers of ``store``.  Only the refresher's thread calls ``read``.

    ``part_of`` returns the parts of a layer: its source, its guards and its copy on disk.
    """

    def __init__(
        self,
        store: StoreSettings,
        part_of: Callable[[LayerSettings], tuple[Source, Sequence[Guard], CopyKeeper | None]],
        patience: float = PATIENCE,
    ) -> None:
        self.layers = [
            Layer(layer, *part_of(layer), store.names, self._on_end, store.interval)
            for layer in store.layers
        ]
        self._changed = threading.Condition()
        self.merge = store.merge
        self._patience = patience
        self.shown = ShownMerge()
        #: Which content of each layer was published, by an earlier daemon or before a reboot.
        self.record: Mapping[str, LayerRecord] = {}
        self._scheduled = True
        self._requested = self._accepted = False
        self._failure: LayersFailed | None = None

    def _on_end(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def begin(self, *, scheduled: bool, requested: bool, accepted: bool) -> None:
        """Set what the next poll is: a scheduled one, or one on request that reads every layer.

        With ``accepted``, an operator overrides the guards of the layers.
        """
        self._scheduled, self._requested, self._accepted = scheduled, requested, accepted

    def read(
        self, progress: Progress, *, full: bool = False, served: Served | None = None
    ) -> Reading:
        """Return the merged store; ``served`` is not used, because each layer has its own copy.

        Raise LayersUnread if nothing is known of a layer.  If only the table does not confirm the
        first reading of one yet, return a reading that is not confirmed.
        """
        self._load()
        readings: list[Reading] = []
        fresh, requested = False, self._requested or full
        # What began before the request does not count, so it is read again.
        before = [layer for layer in self.layers if requested and layer.running]
        sooner = any(layer.error or layer.options is None for layer in self.layers)
        for layer in self.layers:
            due = requested or layer.due.is_due(scheduled=self._scheduled, sooner=sooner)
            if due and not layer.running:
                layer.begin(full=full, scheduled=not requested)
        known = all(layer.options is not None for layer in self.layers)
        patience = min(self._patience, _REQUEST_PATIENCE) if requested else self._patience
        end = time.monotonic() + (patience if known else math.inf)
        while self._wait(progress, end):
            fresh |= self._take(readings)
            for layer in [layer for layer in before if not layer.running]:
                before.remove(layer)
                layer.begin(full=full, scheduled=False)
        unread = [layer for layer in self.layers if layer.options is None]
        if unread and all(layer.unconfirmed for layer in unread):
            return self._unconfirmed(unread, readings)
        if unread:
            raise LayersUnread([(layer.settings.name, _why(layer)) for layer in unread])
        return self._reading(readings, fresh=fresh, late=self._late() if requested else "")

    def _load(self) -> None:
        deadline = time.monotonic() + _READ_PATIENCE
        for layer in self.layers:
            layer.load(max(0.0, deadline - time.monotonic()), self.record.get(layer.settings.mark))

    def _wait(self, progress: Progress, end: float) -> bool:
        """Wait until a reading has ended; return False if none runs, or at the time ``end``.

        Each reading has its own deadline.
        """
        while any(layer.running for layer in self.layers):
            if any(layer.ended for layer in self.layers):
                return True
            left = min(_LOOK_EVERY, end - time.monotonic())
            if left <= 0:
                return False
            with self._changed:
                if not any(layer.ended for layer in self.layers):
                    self._changed.wait(left)
            progress()
        return False

    def _take(self, readings: list[Reading]) -> bool:
        """Take what has been read; return whether a layer could not be read."""
        failed = False
        for number, layer in enumerate(self.layers):
            if layer.ended:
                reading = layer.take(accepted=self._accepted)
                if reading is None:
                    failed = True
                    continue
                readings.append(reading)
                if reading.confirmed and layer.scheduled:
                    self.shown.read([number])
        return failed

    def _late(self) -> str:
        """Return which layers are still being read, as a text; empty if none is."""
        late = [repr(layer.settings.name) for layer in self.layers if layer.running]
        if not late:
            return ""
        if len(late) == 1:
            return f"layer {late[0]} is still being read; it is merged as soon as it has been"
        return (
            f"layers {', '.join(late)} are still being read; each is merged as soon as it has been"
        )

    # --- the merged store ------------------------------------------------------------------------

    def _reading(self, readings: Sequence[Reading], *, fresh: bool, late: str) -> Reading:
        contents = [layer.options for layer in self.layers if layer.options is not None]
        before = self.shown.last
        merged = Layering.of(contents, self.merge) if before is None else before.follow(contents)
        self.shown.last = merged
        states = self.states
        sources = [state.source for state in states]
        return Reading(
            merged.options,
            time.time_ns(),
            "disk" if set(sources) == {"disk"} else next(s for s in sources if s != "disk"),
            tuple(name for layer in self.layers for name in layer.skipped),
            whole=any(reading.whole for reading in readings),
            units=sum(reading.units for reading in readings),
            again_in=self._wanted_in(),
            provenance=_provenance(states, readings),
            # Also of a layer that is read again only later: its content is as old as that.
            confirmed_at=min(layer.confirmed for layer in self.layers),
            failure=self._failure_of(fresh=fresh),
            held=self._held(),
            late=late,
            counts=self._scheduled and self.shown.counts(),
            layers={layer.settings.mark: layer.record.packed() for layer in self.layers},
        )

    def _unconfirmed(self, unread: Sequence[Layer], readings: Sequence[Reading]) -> Reading:
        note = "; ".join(f"layer {each.settings.name!r}: {each.unconfirmed}" for each in unread)
        return Reading(
            {},
            time.time_ns(),
            confirmed=False,
            whole=any(reading.whole for reading in readings),
            units=sum(reading.units for reading in readings),
            again_in=self._wanted_in(),
            provenance=Provenance(note=note),
        )

    def _wanted_in(self) -> float:
        """Return the seconds until a layer must be read, or a running reading be looked at."""
        return min(
            _LOOK_EVERY if layer.running else max(layer.due.due_in, 0.05) for layer in self.layers
        )

    def _failure_of(self, *, fresh: bool) -> LayersFailed | None:
        """Return the failures of the layers; the same error as before if none is new."""
        failed = [
            (layer.settings.name, reason_of(layer.error))
            for layer in self.layers
            if layer.error is not None
        ]
        if not failed:
            self._failure = None
        elif fresh or self._failure is None or self._failure.layers != failed:
            self._failure = LayersFailed(failed)
        return self._failure

    def _held(self) -> GuardRefused | None:
        held = [
            (layer.settings.name, layer.held) for layer in self.layers if layer.held is not None
        ]
        if not held:
            return None
        return LayersRefused([(name, each.guard, each.reason) for name, each in held])

    # --- state, for other threads ----------------------------------------------------------------

    @property
    def states(self) -> Sequence[LayerState]:
        """What operators see of each layer."""
        return [layer.state for layer in self.layers]

    def finish(self, patience: float) -> None:
        """Wait until the copies are written, for at most ``patience`` seconds."""
        deadline = time.monotonic() + patience
        for layer in self.layers:
            layer.copy.finish(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End the threads of the copies."""
        for layer in self.layers:
            layer.copy.close()


def _why(layer: Layer) -> str:
    why = layer.unconfirmed or "it was not read yet"
    if layer.error is not None:
        why = reason_of(layer.error)
    elif layer.held is not None:
        why = reason_of(layer.held)
    return f"{why}; {layer.copy_error}" if layer.copy_error else why


def _provenance(states: Sequence[LayerState], readings: Sequence[Reading]) -> Provenance:
    """Return the provenance of the merged store, which has no revision."""
    notes = [
        f"layer {state.name!r}: {state.note}"
        for state in states
        if state.note and (state.in_doubt or state.table_revision > state.revision)
    ]
    hows = [reading.provenance.how for reading in readings if reading.provenance.how]
    return Provenance(
        how=hows[0] if hows else "",
        note=notes[0] if notes else "",
        in_doubt=any(state.in_doubt for state in states),
    )
