"""The refresher: when to poll, and what to do when a poll fails.

Each store has a refresher in a thread of its own, so that a failure of one store does not affect
the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

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
from ddbcfg_daemon.publishing.poll_requests import Outcome, PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.schedule import Schedule
from ddbcfg_daemon.sources.base import Reading, Source

log = logging.getLogger("ddbcfg.daemon")

_FORCED_GAP = 1.0  # minimum seconds between two polls, regardless of the number of requests

# No later poll can fix these: the refresher ends, and the store is tried again later.
FATAL = (SourceUnusable, WriterLocked)


class Refresher:
    """Polls ``source`` about every ``interval`` seconds and publishes what it reads.

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
        self._skipped: set[str] = set()
        self._schedule = Schedule(interval)
        self._progress_at = boottime()
        self._due = boottime()
        self._sleeping = False
        status = publisher.status()
        status.interval = round(interval * 1e9)
        status.daemon_pid = pid
        status.daemon_start = process_start(pid)
        status.daemon_pidns = pid_namespace()
        self._status = status
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
        """Request a poll now, from any thread; return whether none was pending."""
        return self._requests.ask()

    def poll(self, *, scheduled: bool = True) -> Exception | None:
        """Read the store once and publish what is new.

        Return the error if the poll failed or a guard refused the reading, else None.
        ``scheduled`` is False for a poll on request.  Raise only errors that no later poll can fix
        (FATAL).
        """
        accepted = self._requests.begin()
        status = self._status
        status.poll_started = boottime()
        self._progress()
        failure: Exception | None = None
        held: GuardRefused | None = None
        published = False
        try:
            for what in self._publisher.verify():
                log.warning("%s: %s disappeared from /dev/shm; recreated", self._label, what)
            self._copy.look()
            reading = self._source.read(self._progress)
            if self._stop.is_set():
                return None
            held = self._held_back(reading, scheduled, accepted)
            if held is None:
                published = self._publish(reading)
        except WriterLocked:
            raise  # the page belongs to the other daemon now
        except MENDABLE as error:
            failure = error
        self._progress()
        status.poll_finished = boottime()
        status.polls += 1
        if failure is not None or held is not None:
            self._serve_copy()
        if failure is None:
            self._succeeded(reading, held)
        else:
            self._failed(failure)
        self._report()
        self._requests.end(Outcome(self.generation, published, _text(held), _text(failure)))
        if isinstance(failure, FATAL):
            raise failure
        if failure is None:
            # After the report: readers that wait for the poll must not wait for the disk.
            self._copy.keep(self._options)
        self._copy.log_error()
        if status.copy_error != self._copy.error:
            self._report()
        return failure or held

    def _report(self) -> None:
        self._status.copy_error = self._copy.error
        self._publisher.report(self._status)

    def _held_back(self, reading: Reading, scheduled: bool, accepted: bool) -> GuardRefused | None:
        """Return why ``reading`` must not replace the published options; None if it may."""
        published: Collection[str] = self._options or ()
        if self._options is None:
            snapshot = self.snapshot
            published = self._copy.options if snapshot is None else snapshot
        try:
            for guard in self._guards:
                guard.check(published, reading, scheduled=scheduled)
        except GuardRefused as refused:
            if not accepted:
                return refused
            log.warning("%s: an operator accepted the refused reading: %s", self._label, refused)
        return None

    def _publish(self, reading: Reading) -> bool:
        """Publish ``reading`` unless it is published already; return whether it was new."""
        if not self.ready:
            # Before the snapshot, so that a reader that waits for it finds its age at once.
            self._date(reading)
            self._publisher.report(self._status)
        if not self._publisher.publish(reading):
            self._options = reading.options
            return False
        snapshot = self.snapshot
        assert snapshot is not None
        log.info(
            "%s: generation %d: %d options, %d bytes, digest %s%s",
            self._label,
            snapshot.generation,
            len(snapshot),
            snapshot.size,
            snapshot.digest[:12],
            changes(self._options, reading.options),
        )
        if not reading.options and not self._options:
            log.warning(
                "%s: the table has no options for this store, so it was published empty; "
                "check the store's name",
                self._label,
            )
        self._options = reading.options
        return True

    def _succeeded(self, reading: Reading, held: GuardRefused | None) -> None:
        """Record that the table was read, even if a guard refused the reading."""
        status = self._status
        if status.failures:
            log.info("%s: polls succeed again after %d failures", self._label, status.failures)
        source = status.source
        self._date(reading)
        if held is not None and self.ready:
            status.source = source  # the published snapshot still comes from there
        status.failures = 0
        status.error = ""
        self._hold(_text(held))
        status.skipped = len(reading.skipped)
        for name in set(reading.skipped) - self._skipped:
            text = "%s: skipped an item whose option name is not a string: %s"
            log.warning(text, self._label, name)
        self._skipped |= set(reading.skipped)

    def _hold(self, why: str) -> None:
        status = self._status
        if why and why != status.held:
            log.warning("%s: %s; %s", self._label, why, self._serving())
        elif status.held and not why:
            log.info("%s: the guards accept the table's content again", self._label)
        if not why:
            status.held_since = NEVER
        elif not status.held:
            status.held_since = time.time_ns()
        status.held = why

    def _date(self, reading: Reading) -> None:
        """Record that DynamoDB was read just now."""
        self._status.success = boottime()
        self._status.success_unix = time.time_ns()
        self._status.source = reading.source

    def _failed(self, error: Exception) -> None:
        status = self._status
        status.failures += 1
        status.error = reason_of(error)
        log.warning(
            "%s: poll %d failed: %s; %s",
            self._label,
            status.failures,
            status.error,
            self._serving(),
        )

    def _serving(self) -> str:
        """Return what readers see in the meantime, as text for the log."""
        if not self.ready:
            return "nothing is published yet"
        age = age_of(self._status.success)
        text = f"still serving generation {self.generation}"
        return text if age is None else f"{text}, {age:.0f} s old"

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

    def _pause(self, error: Exception | None) -> float:
        """Return the seconds until the next poll."""
        # A refusal is no reason to retry sooner: guards count polls at the regular interval.
        if error is None or isinstance(error, GuardRefused):
            return self._schedule.regular()
        return self._schedule.retry(self._status.failures)

    def _set_due(self, error: Exception | None, scheduled: bool) -> None:
        """Set the time of the next scheduled poll after one that ended with ``error``.

        Polls on request do not postpone it; otherwise readers could postpone it for ever.
        """
        if scheduled:
            self._due = boottime() + round(self._pause(error) * 1e9)
        elif error is not None and not isinstance(error, GuardRefused):
            self._due = min(self._due, boottime() + round(self._pause(error) * 1e9))

    def _sleep(self) -> bool:
        """Wait until the next poll is due or requested; return whether it is due."""
        self._sleeping = True
        try:
            while not self._stop.is_set():
                now = boottime()
                left = (self._due - now) / 1e9
                if left <= 0:
                    return True
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
