"""The refresher: when to poll, and what to do when a poll fails.

Each store has a refresher in a thread of its own, so that a failure of one store does not affect
the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_client.shm.clock import age_of, boottime
from ddbcfg_client.shm.status import pid_namespace, process_start
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.change_text import changes
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.last_known_good import LastKnownGood
from ddbcfg_daemon.errors import PublishError, SourceUnusable, WriterLocked
from ddbcfg_daemon.exits import MENDABLE, log_fault, reason_of
from ddbcfg_daemon.guards import Guard, GuardRefused
from ddbcfg_daemon.memory import give_back
from ddbcfg_daemon.poll_record import PollRecord
from ddbcfg_daemon.publishing.poll_requests import Outcome, PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.schedule import Schedule
from ddbcfg_daemon.sources.base import Reading, Served, Source

log = logging.getLogger("ddbcfg.daemon")

_FORCED_GAP = 1.0  # minimum seconds between two polls, regardless of the number of requests

# No later poll can fix these: the refresher ends, and the store is tried again later.
FATAL = (SourceUnusable, WriterLocked)


class Refresher:
    """Polls ``source`` every ``interval`` seconds and publishes what it reads.

    ``failure`` is the error that ended :meth:`run`; None if :meth:`stop` ended it.
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
    ) -> None:
        self._publisher = publisher
        self.interval = interval
        self.failure: BaseException | None = None
        self._source = source
        self._guards = guards
        self._requests = requests or PollRequests()
        self._on_event = on_event
        self._label = f"{publisher.names.namespace}/{publisher.names.store}"
        self._stop = threading.Event()
        self._copy = LastKnownGood(copy, publisher, self._label)
        self._options: Mapping[str, bytes] | None = None
        self._judged: Mapping[str, bytes] | None = None  # the published options, past all guards
        self._has_read = False
        self._schedule = Schedule(interval)
        self._progress_at = boottime()
        self._due = boottime()
        self._again_at: int | None = None  # when the source wants to be read, if before that
        self._sleeping = False
        status = publisher.status()
        status.interval = round(interval * 1e9)
        status.daemon_pid = pid
        status.daemon_start = process_start(pid)
        status.daemon_pidns = pid_namespace()
        self._status = status
        self._record = PollRecord(status, self._label)
        publisher.report(status)

    # --- state that the service reads ------------------------------------------------------------

    @property
    def names(self) -> Names:
        """The names of the store in shared memory."""
        return self._publisher.names

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
        # During a requested poll there is no planned sleep: the next due time may be an hour away.
        since = max(self._progress_at, self._due) if self._sleeping else self._progress_at
        return max(0.0, (boottime() - since) / 1e9)

    @property
    def status(self) -> PageStatus:
        """The status of the polls, as readers see it."""
        return self._status

    @property
    def changes(self) -> Counter[str]:
        """How many publications became known in each way, since the daemon's start."""
        return self._record.changes

    @property
    def refused(self) -> bool:
        """Whether a guard refused the last reading."""
        return bool(self._status.held)

    @property
    def copy_error(self) -> str:
        """Why the copy on disk is not up to date; empty if it is, or if no copy is kept."""
        return self._copy.error

    @property
    def summary(self) -> str:
        """The state of the store in one phrase."""
        status = self._status
        snapshot = self.snapshot
        options = 0 if snapshot is None else len(snapshot)
        text = f"{self._label}: generation {self.generation}, {options} options"
        if status.held:
            since = time.localtime(status.held_since / 1e9)
            text += f", held since {time.strftime('%Y-%m-%d %H:%M:%S %z', since)}: {status.held}"
        if status.doubt_since != NEVER:
            text += f", in doubt: {status.note or 'no revision proves it yet'}"
        if status.error:
            text += f", {status.failures} failed polls: {status.error}"
        return f"{text}, {self.copy_error}" if self.copy_error else text

    # --- the loop --------------------------------------------------------------------------------

    def run(self) -> None:
        """Poll until :meth:`stop`; the body of the refresher's thread."""
        scheduled = True
        try:
            while not self._stop.is_set():
                error = self.poll(scheduled=scheduled)
                self._on_event()
                give_back()
                self._set_due(error, scheduled)
                del error  # its frames keep the reading in memory
                scheduled = self._sleep()
        except FATAL as error:
            self.failure = error
        except BaseException as error:  # noqa: BLE001 - a bug; the service decides what follows
            if isinstance(error, PublishError) and self._stop.is_set():
                return  # the publisher was closed during this poll
            log_fault(self._label, error)
            self.failure = error
        finally:
            self._on_event()

    def stop(self) -> None:
        """End :meth:`run` soon; return without waiting for a running poll."""
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
        asked = self._requests.begin()
        self._record.began()
        self._progress()
        failure: Exception | None = None
        held: GuardRefused | None = None
        published = False
        try:
            for what in self._publisher.verify():
                log.warning("%s: %s disappeared from /dev/shm; recreated", self._label, what)
            self._copy.look()
            reading = self._source.read(self._progress, full=asked.full, served=self._served())
            if self._stop.is_set():
                return None
            if reading.confirmed:
                held = self._held_back(reading, scheduled, asked.accept)
                if held is None:
                    published = self._publish(reading)
        except WriterLocked:
            raise  # the page belongs to the other daemon now
        except MENDABLE as error:
            failure = error
        self._progress()
        self._record.ended()
        confirmed = failure is None and reading.confirmed
        if held is not None or not confirmed:
            self._serve_copy()
        if failure is None:
            self._has_read = True
            self._want(reading.again_in)
            self._record.succeeded(
                reading, _text(held), published=published, generation=self.generation
            )
        else:
            self._record.failed(failure, generation=self.generation)
        self._report()
        why = _text(held)
        if failure is None and not confirmed:
            why = f"not published yet: {reading.provenance.note}"
        self._requests.end(Outcome(self.generation, published, why, _text(failure)))
        if isinstance(failure, FATAL):
            raise failure
        if confirmed:
            # After the report: readers that wait for the poll must not wait for the disk.
            self._copy.keep(self._options, self._status)
        self._copy.log_error()
        if self._status.copy_error != self._copy.error:
            self._report()
        return failure or held

    def _served(self) -> Served | None:
        """Return what an earlier daemon left, until the source has read anything."""
        status = self._status
        if self._has_read:
            return None
        options = self._publisher.options if status.revision else None
        if options is not None:
            # Without it, daemons that do not live long, as with --once, would never read in full.
            # After a boot it is unknown: then only they do.
            full_age = age_of(status.full_read)
            if full_age is None:
                full_age = 0.0 if status.source == "disk" else inf
            return Served(status.epoch, status.revision, options, full_age)
        return None if self.ready else self._copy.served

    def _report(self) -> None:
        self._status.copy_error = self._copy.error
        self._publisher.report(self._status)

    def _held_back(self, reading: Reading, scheduled: bool, accepted: bool) -> GuardRefused | None:
        """Return why ``reading`` must not replace the published options; None if it may."""
        if reading.options is self._judged:
            return None  # a poll that found nothing new costs the same for every store
        published: Collection[str] = self._options or ()
        if self._options is None:
            snapshot = self.snapshot
            published = self._copy.options if snapshot is None else snapshot
        self._judged = None
        try:
            for guard in self._guards:
                guard.check(published, reading, scheduled=scheduled)
        except GuardRefused as refused:
            if not accepted:
                return refused
            log.warning("%s: an operator accepted the refused reading: %s", self._label, refused)
            # Not again at the next poll: it is published then.
        self._judged = reading.options
        return None

    def _publish(self, reading: Reading) -> bool:
        """Publish ``reading`` unless it is published already; return whether it was new."""
        if not self.ready:
            # Before the snapshot, so that a reader that waits for it finds its age at once.
            self._record.date(reading)
            self._publisher.report(self._status)
        before = self._publisher.options if self._options is None else self._options
        news = self._publisher.publish(reading)
        self._options = reading.options
        changed = changes(before, reading.options) if news else ""
        if reading.provenance.in_doubt and reading.whole:
            self._record.in_doubt(changed)
        if news:
            self._log_publication(reading, changed)
            if not reading.options and not before:
                log.warning(
                    "%s: the table has no options for this store, so it was published empty; "
                    "check the store's name",
                    self._label,
                )
        return news

    def _log_publication(self, reading: Reading, changed: str) -> None:
        snapshot = self.snapshot
        assert snapshot is not None
        revision = reading.provenance.revision
        log.info(
            "%s: generation %d: %d options, %d bytes, digest %s%s%s",
            self._label,
            snapshot.generation,
            len(snapshot),
            snapshot.size,
            snapshot.digest[:12],
            f", revision {revision}" if revision else "",
            changed,
        )

    def _serve_copy(self) -> None:
        if self._copy.serve(self._status):
            self._options = self._copy.options

    def close(self, *, remove: bool = False) -> None:
        """Stop serving the store; with ``remove``, also remove what is published."""
        if remove:
            self._publisher.remove()
        else:
            self._publisher.close()

    def finish_copy(self, patience: float) -> None:
        """Wait until the copy on disk is written, for at most ``patience`` seconds."""
        self._copy.finish(patience)

    # --- when ------------------------------------------------------------------------------------

    def _want(self, seconds: float | None) -> None:
        """Poll again after so many seconds, if that is before the regular poll."""
        self._again_at = None if seconds is None else boottime() + round(seconds * 1e9)

    def _set_due(self, error: Exception | None, scheduled: bool) -> None:
        """Set the time of the next scheduled poll after one that ended with ``error``.

        Polls on request do not postpone it; otherwise readers could postpone it for ever.
        """
        # A refusal is no reason to retry sooner: guards count polls at the regular interval.
        if error is not None and not isinstance(error, GuardRefused):
            retry = boottime() + round(self._schedule.retry(self._status.failures) * 1e9)
            self._due = retry if scheduled else min(self._due, retry)
            self._again_at = None
        elif scheduled:
            self._due = round(self._schedule.next_after(boottime() / 1e9) * 1e9)

    def _sleep(self) -> bool:
        """Wait until a poll is due, requested or wanted by the source; return whether it is due."""
        self._sleeping = True
        try:
            while not self._stop.is_set():
                now = boottime()
                left = (self._due - now) / 1e9
                if left <= 0:
                    return True
                if self._again_at is not None:
                    wanted = (self._again_at - now) / 1e9
                    if wanted <= 0:
                        return False
                    left = min(left, wanted)
                gap = (now - self._status.poll_started) / 1e9
                if not self._requests.pending:
                    self._requests.wait(left)
                elif gap < _FORCED_GAP:
                    self._requests.wait(min(left, _FORCED_GAP - gap))
                else:
                    return False
            return False
        finally:
            self._sleeping = False
            self._progress()

    def _progress(self) -> None:
        self._progress_at = boottime()


def _text(error: Exception | None) -> str:
    return "" if error is None else reason_of(error)
