"""One layer of a store: it is read in its own thread, and its last good content is kept.

The store's refresher takes over the result of a reading in its thread: ``Layer.take``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from errno import EAGAIN
from math import inf

from ddbcfg_client.format.names import Names
from ddbcfg_client.printable import counted
from ddbcfg_client.shm.clock import age_of, boottime
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.errors import LayerMissing
from ddbcfg_daemon.exits import MENDABLE, reason_of
from ddbcfg_daemon.guards import Guard, GuardRefused
from ddbcfg_daemon.judge import Judge
from ddbcfg_daemon.layers.due import Due
from ddbcfg_daemon.layers.layer_copy import LayerCopy
from ddbcfg_daemon.layers.record import LayerRecord, as_many
from ddbcfg_daemon.layers.state import LayerState
from ddbcfg_daemon.settings.store_values import LayerSettings
from ddbcfg_daemon.sources.base import Provenance, Reading, Served, Source
from ddbcfg_daemon.store_label import StoreLabel

log = logging.getLogger("ddbcfg.daemon")

_OUTDATED = "its copy on disk is older than what was published, so it is not merged"

Options = Mapping[str, bytes]


class Layer:
    """A layer with the given settings; ``merged`` are the names of the merged store.

    ``due`` says when it is read; ``store_interval`` is the interval of the store's scheduled polls.

    ``options`` are its last good content, None if nothing is known of it.  ``confirmed`` is when
    the table last confirmed them, on CLOCK_BOOTTIME.  ``on_end`` is called in the layer's thread
    when a reading has ended.
    """

    def __init__(
        self,
        settings: LayerSettings,
        source: Source,
        guards: Sequence[Guard],
        copy: CopyKeeper | None,
        merged: Names,
        on_end: Callable[[], None],
        store_interval: float,
    ) -> None:
        self.settings = settings
        self.options: Options | None = None
        self.confirmed = 0
        self.error: Exception | None = None
        self.held: GuardRefused | None = None
        self.reading: Reading | None = None  # the last good one
        self._source = source
        self.copy = LayerCopy(copy)
        self._label = StoreLabel(merged, settings.name)
        self._judge = Judge(guards, self._label)
        self._on_end = on_end
        self.due = Due(settings.settings.interval, store_interval)
        self.scheduled = False  # whether its last reading began by schedule
        self._unconfirmed = False
        self._number = 0  # of its content; never lower than that of one that was published
        self._had = 0  # options when it was last published by another daemon
        self._outdated = False
        self._result: Reading | BaseException | None = None
        self._thread: threading.Thread | None = None
        self._provenance = Provenance()
        self._origin = ""

    # --- its reading -----------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a reading has begun, and its result was not taken yet."""
        return self._thread is not None

    @property
    def ended(self) -> bool:
        """Whether there is a result to take."""
        # A thread can die before it runs anything, for example without memory: no store may wait
        # for it forever.
        thread = self._thread
        return thread is not None and (self._result is not None or not thread.is_alive())

    @property
    def unconfirmed(self) -> str:
        """Why nothing is known of it although it was read; empty if that is not so."""
        if self.options is not None or self.error is not None or not self._unconfirmed:
            return ""
        return self._provenance.note or "its first reading is not confirmed yet"

    # --- reading ---------------------------------------------------------------------------------

    def load(self, patience: float, published: LayerRecord | None) -> None:
        """Take the copy on disk if nothing is known of the layer.

        ``published`` is what was published of it; None if that is not known.  An older copy is not
        taken: content that was replaced must not come back.
        """
        if self.options is not None:
            if published is None or not published.is_newer_than(self._number, self.copy.digest):
                return
            # Another daemon had the store for a while.
            self.options = None
            self.due.now()
            self._judge.forget()
        if published is not None:
            self._number, self._had = max(self._number, published.number), published.options
        copy = self.copy.load(patience)
        if copy is None:
            return
        self._outdated = published is not None and published.is_newer_than(
            copy.generation, copy.digest
        )
        if self._outdated:
            log.warning("%s: %s", self._label, _OUTDATED)
            return
        self._number, self._had = max(self._number, copy.generation), 0
        self.options = copy.reading.options
        self._provenance = copy.reading.provenance
        self._origin = "disk"
        self.confirmed = boottime() - copy.confirmed.age()

    def begin(self, *, full: bool, scheduled: bool) -> None:
        """Begin to read it; ``scheduled`` is False if that was requested."""
        self.scheduled = scheduled
        served = None
        if self._origin == "disk" and self._provenance.revision and self.options is not None:
            full_read = self.copy.full_read
            full_age = inf if full_read is None else full_read.age() / 1e9
            its = self._provenance
            served = Served(its.epoch, its.revision, self.options, full_age)
        self._result = None
        # daemon=True: a reading that hangs does not delay the end of the process.
        self._thread = threading.Thread(
            target=self._read, args=(full, served), name=self.settings.name, daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            self._result = OSError(EAGAIN, f"no thread for the reading: {error}")

    def _read(self, full: bool, served: Served | None) -> None:
        try:
            self._result = self._source.read(lambda: None, full=full, served=served)
        except BaseException as error:  # noqa: BLE001 - raised or recorded in the refresher's thread
            self._result = error.with_traceback(None)
        self._on_end()

    def take(self, *, accepted: bool) -> Reading | None:
        """Take over the result of a reading that has ended; return the reading if it was one.

        ``accepted`` says that an operator overrides the guards.  Raise the exception of a bug.
        """
        result, self._result, self._thread = self._result, None, None
        if result is None:
            result = OSError(EAGAIN, "the thread of the reading died")
        if isinstance(result, Reading) and self._is_missing(result):
            settings = self.settings.settings
            result = LayerMissing(settings.table, settings.store)
        if not isinstance(result, Reading):
            self._failed(result)
            return None
        if self.due.failures:
            failures = counted(self.due.failures, "failure")
            log.info("%s: it can be read again after %s", self._label, failures)
            self.error = None
        self.due.succeeded(scheduled=self.scheduled, again_in=result.again_in)
        self._unconfirmed = not result.confirmed
        self._provenance_of(result)
        if result.confirmed:
            self._judge_it(result, accepted=accepted)
        return result

    def _is_missing(self, reading: Reading) -> bool:
        # A reading that is not confirmed has what was known before, at first nothing.
        return self.settings.required and reading.confirmed and not reading.options

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, MENDABLE):
            raise error
        self.due.failed()
        self.error = error
        log.warning(
            "%s: reading %d failed: %s; %s",
            self._label,
            self.due.failures,
            reason_of(error),
            "nothing is known of it"
            if self.options is None
            else f"its content of {self.age or 0.0:.0f} s ago is merged",
        )

    def _provenance_of(self, reading: Reading) -> None:
        # The revision that belongs to the options, but what is new of the table.
        new, old = reading.provenance, self._provenance
        self._provenance = Provenance(
            old.epoch, old.revision, new.table_revision, new.how, new.note, new.in_doubt
        )

    def _judge_it(self, reading: Reading, *, accepted: bool) -> None:
        self.confirmed = reading.read_boottime
        held = self._judge.refusal(
            reading,
            lambda: self.options or as_many(self._had, reading.options),
            scheduled=self.scheduled,
            accepted=accepted,
        )
        if held is not None:
            if self.held is None:
                log.warning("%s: %s", self._label, held)
            self.held = held
            return
        if self.held is not None:
            log.info("%s: the guards accept its content again", self._label)
        self.held, self._outdated, self._had = None, False, 0
        if reading.options is not self.options:
            # Not only counted: a copy that could not be read for a while may have a higher count.
            self._number = max(self._number + 1, time.time_ns())
        self.options, self.reading = reading.options, reading
        self._provenance, self._origin = reading.provenance, reading.source
        self.copy.keep(reading, self._number)

    # --- state -----------------------------------------------------------------------------------

    @property
    def age(self) -> float | None:
        """Seconds since the table last confirmed its options; None if it never did."""
        return None if self.options is None else age_of(self.confirmed)

    @property
    def record(self) -> LayerRecord:
        """Which content of it is merged."""
        return LayerRecord(self._number, len(self.options or ()), self.copy.digest)

    @property
    def copy_error(self) -> str:
        """Why its copy on disk is not up to date; empty if it is, or if there is none."""
        return _OUTDATED if self._outdated else self.copy.error

    @property
    def skipped(self) -> Sequence[str]:
        """The items of its last good reading that are not options."""
        return () if self.reading is None else self.reading.skipped

    @property
    def state(self) -> LayerState:
        """What operators see of it."""
        settings, found = self.settings.settings, self._provenance
        return LayerState(
            name=self.settings.name,
            table=settings.table,
            store=settings.store,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            required=self.settings.required,
            options=len(self.options or ()),
            age=self.age,
            interval=settings.interval,
            source=self._origin,
            revision=found.revision,
            table_revision=found.table_revision,
            in_doubt=found.in_doubt,
            failures=self.due.failures,
            error="" if self.error is None else reason_of(self.error),
            held="" if self.held is None else reason_of(self.held),
            note=found.note,
            copy_error=self.copy_error,
        )
