"""The refresher: the loop that polls, and what follows from a poll that fails.

Each store has a refresher in its own thread, so that a failure of one store does not affect the
others.  When it polls is in ``pace``, what may be published in ``judge``, what is published in
``publication``.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.status import pid_namespace, process_start
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.last_known_good import LastKnownGood
from ddbcfg_daemon.errors import Held, PublishError, SourceUnusable, WriterLocked
from ddbcfg_daemon.exits import MENDABLE, log_fault, reason_of
from ddbcfg_daemon.guards import Guard
from ddbcfg_daemon.judge import Judge
from ddbcfg_daemon.layers.record import records_in
from ddbcfg_daemon.layers.source import LayersSource
from ddbcfg_daemon.layers.state import LayerState
from ddbcfg_daemon.memory import give_back
from ddbcfg_daemon.pace import Pace
from ddbcfg_daemon.pinning.operators import Operators
from ddbcfg_daemon.pinning.pin import Pin
from ddbcfg_daemon.poll_figures import PollFigures
from ddbcfg_daemon.poll_record import PollRecord
from ddbcfg_daemon.publication import Publication
from ddbcfg_daemon.publishing.poll_requests import Outcome, PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading, Source
from ddbcfg_daemon.store_label import StoreLabel
from ddbcfg_daemon.summary import summary_of

log = logging.getLogger("ddbcfg.daemon")

# No later poll can fix these: the refresher ends, and the store is tried again later.
FATAL = (SourceUnusable, WriterLocked)


class Refresher:
    """Polls ``source`` every ``interval`` seconds and publishes what it reads.

    ``failure`` is the error that ended ``run``; None if ``stop`` ended it.  ``layers``
    is the source itself if it merges several.
    """

    def __init__(
        self,
        source: Source,
        publisher: Publisher,
        interval: float,
        *,
        pid: int,
        guards: Sequence[Guard] = (),
        copy: CopyKeeper | None = None,
        requests: PollRequests | None = None,
        on_event: Callable[[], None] = lambda: None,
        layers: LayersSource | None = None,
    ) -> None:
        self._publisher = publisher
        self.interval = interval
        self.failure: BaseException | None = None
        self._source = source
        self._layers = layers
        self._requests = requests or PollRequests()
        self._on_event = on_event
        self._label = StoreLabel(publisher.names)
        self._stop = threading.Event()
        self._copy = LastKnownGood(copy, publisher, self._label)
        self._judge = Judge(guards, self._label)
        self._has_read = False
        self._failed: Exception | None = None
        status = publisher.status()
        status.interval = round(interval * 1e9)
        status.daemon_pid = pid
        status.daemon_start = process_start(pid)
        status.daemon_pidns = pid_namespace()
        status.merged_layers = 0 if layers is None else len(layers.layers)
        slower = 0.0 if self.longest_interval == interval else self.longest_interval
        status.longest_interval = round(slower * 1e9)
        self._status = status
        self._record = PollRecord(status, self._label)
        self._publication = Publication(publisher, self._copy, self._record, self._label)
        self._pin = Pin(copy, publisher, self._publication, self._copy, status, self._label)
        self._operators = Operators(self._pin, publisher, self._requests)
        self._pace = Pace(interval, self._requests, status)
        publisher.report(status)

    # --- state that the service reads ------------------------------------------------------------

    @property
    def names(self) -> Names:
        """The names of the store in shared memory."""
        return self._publisher.names

    @property
    def longest_interval(self) -> float:
        """The interval of the slowest layer, or the store's own: what limits its age."""
        layers = () if self._layers is None else self._layers.layers
        return max([self.interval, *(layer.settings.settings.interval for layer in layers)])

    @property
    def generation(self) -> int:
        """The published generation; 0 if there is none."""
        return self._publisher.generation

    @property
    def snapshot(self) -> Snapshot | None:
        """The published snapshot; None if there is none, or it is damaged."""
        return self._publisher.snapshot

    @property
    def ready(self) -> bool:
        """Whether readers have a snapshot to read."""
        return self.generation > 0

    @property
    def silence(self) -> float:
        """Seconds since the loop last made progress, not counting its planned sleep."""
        return self._pace.silence

    @property
    def status(self) -> PageStatus:
        """The status of the polls, as readers see it."""
        return self._status

    @property
    def changes(self) -> Counter[str]:
        """How many publications became known in each way, since the daemon's start."""
        return self._record.changes

    @property
    def figures(self) -> PollFigures:
        """The figures of the polls, since the daemon's start."""
        return self._record.figures

    @property
    def requests(self) -> int:
        """How many polls were requested, since the daemon's start."""
        return self._requests.count

    @property
    def refused(self) -> bool:
        """Whether a guard refused the last reading."""
        return bool(self._status.held) and not self.pinned

    @property
    def pinned(self) -> int:
        """The generation whose content an operator pinned, 0 if none; see ``PageStatus``."""
        return self._status.pinned

    @property
    def layers(self) -> Sequence[LayerState]:
        """The layers of the store; none if it is read from one."""
        return self._layers.states if self._layers else ()

    @property
    def copy_error(self) -> str:
        """Why the files on disk are not up to date; empty if they are, or if none are kept."""
        return self._pin.error or self._copy.error

    @property
    def summary(self) -> str:
        """The state of the store in one phrase."""
        return summary_of(
            self._label, self.generation, self.snapshot, self._status, self.copy_error
        )

    # --- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Poll until ``stop``; the body of the refresher's thread."""
        scheduled = True
        try:
            while not self._stop.is_set():
                error = self.poll(scheduled=scheduled)
                self._on_event()
                give_back()
                self._pace.ended(error, scheduled=scheduled)
                del error  # its frames keep the reading in memory
                scheduled = self._pace.sleep(self._stop, self._serve_operators)
        except FATAL as error:
            self.failure = error
        except BaseException as error:  # noqa: BLE001 - a bug; the service decides what follows
            if isinstance(error, PublishError) and self._stop.is_set():
                return  # the publisher was closed during this poll
            log_fault(self._label, error)
            self.failure = error
        finally:
            self._on_event()

    def _progress(self) -> None:
        """Record that a reading makes progress; an operator does not wait for its end."""
        self._pace.progress()
        self._serve_operators()

    def _serve_operators(self) -> None:
        self._operators.serve(self._steered)

    def _steered(self) -> None:
        self._judge.forget()  # something else may be published now
        self._see()
        self._on_event()

    def stop(self) -> None:
        """End ``run`` soon; return without waiting for a running poll."""
        self._stop.set()
        self.wake()

    def wake(self) -> None:
        """Make a sleeping loop check the clock now; called from other threads."""
        self._requests.wake()

    def nudge(self) -> bool:
        """Request a poll that reads the whole store, from any thread; return whether it is new."""
        return self._requests.ask(full=True)

    def poll(self, *, scheduled: bool = True) -> Exception | None:
        """Read the store once and publish what is new.

        Return the error if the poll failed or a guard refused the reading, else None.
        ``scheduled`` is False for a poll on request.  Raise only errors that no later poll can fix
        (FATAL).
        """
        requested = self._requests.pending
        asked = self._requests.begin()
        if self._layers is not None:
            self._layers.begin(scheduled=scheduled, requested=requested, accepted=asked.accept)
        self._record.began()
        self._pace.progress()
        failure: Exception | None = None
        held: ConfigError | None = None
        published = used = False
        reading: Reading | None = None
        try:
            for what in self._publisher.verify():
                log.warning("%s: %s disappeared from /dev/shm; recreated", self._label, what)
            self._copy.look()
            self._pin.look()
            self._serve_operators()
            if self._layers is not None and not self._has_read:
                self._layers.record = records_in(self._publication.layers())
            served = None if self._has_read else self._publication.served()
            reading = self._source.read(self._progress, full=asked.full, served=served)
            if self._stop.is_set():
                return None
            self._serve_operators()
            if reading.confirmed:
                held = self._refusal(reading, scheduled=scheduled, accepted=asked.accept)
                if held is None:
                    published = not self._pin.active and self._publication.publish(reading)
                    used, held = True, reading.held
            failure = reading.failure
        except WriterLocked:
            raise  # the page belongs to the other daemon now
        except MENDABLE as error:
            failure, reading = error, None
        self._pace.progress()
        self._record.ended()
        confirmed = reading is not None and reading.confirmed
        if not used:
            self._publication.serve_copy()
        self._see()
        if reading is not None:
            self._has_read = True
            self._pace.want(reading.again_in)
            self._record.succeeded(
                reading, _text(held), published=published, generation=self.generation
            )
        # A layer that was not read again has the failure that is known already.
        if failure is not None and (reading is None or failure is not self._failed):
            self._record.failed(failure, generation=self.generation)
        self._failed = failure
        self._report()
        why = _text(held)
        if reading is not None and reading.late:
            why = f"{why}; {reading.late}" if why else reading.late
        if reading is not None and not confirmed:
            why = f"not published yet: {reading.provenance.note}"
        self._requests.end(Outcome(self.generation, published, why, _text(failure)))
        if isinstance(failure, FATAL):
            raise failure
        if reading is not None and confirmed:
            # After the report: readers that wait for the poll must not wait for the disk.
            self._copy.keep(self._publication.options, self._status, reading.confirmed_at)
        self._copy.log_error()
        if self._status.copy_error != self.copy_error:
            self._report()
        return failure or held

    def _refusal(self, reading: Reading, *, scheduled: bool, accepted: bool) -> Held | None:
        """Return why ``reading`` must not be published; an operator's pin beats the guards."""
        if self._pin.active:
            return self._pin.refusal(reading)
        return self._judge.refusal(
            reading,
            self._publication.names,
            scheduled=scheduled and reading.counts,
            accepted=accepted,
        )

    def _see(self) -> None:
        """Tell the layers what readers see: it is what they explain."""
        if self._layers is not None:
            self._layers.shown.see(self._publication.published)

    def _report(self) -> None:
        self._status.copy_error = self.copy_error
        self._publisher.report(self._status)

    def close(self, *, remove: bool = False) -> None:
        """Stop serving the store; with ``remove``, also remove what is published."""
        if remove:
            self._publisher.remove()
        else:
            self._publisher.close()

    def finish_copy(self, patience: float) -> None:
        """Wait until the copy on disk is written, for at most ``patience`` seconds."""
        self._copy.finish(patience)
        if self._layers is not None:
            self._layers.finish(patience)


def _text(error: Exception | None) -> str:
    return "" if error is None else reason_of(error)
