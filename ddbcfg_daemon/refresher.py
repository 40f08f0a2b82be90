"""The refresher: when to poll, and what to do when a poll fails.

One for each store, each in a thread of its own, so that one store's trouble is not another's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ddbcfg_client.clock import age_of, boottime
from ddbcfg_client.errors import MisconfiguredSchemaException
from ddbcfg_client.layout.page import PageStatus
from ddbcfg_client.status import pid_namespace, process_start
from ddbcfg_daemon.changes import changes
from ddbcfg_daemon.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk_copy import Content, Copy
from ddbcfg_daemon.errors import PublishError, WriterLocked
from ddbcfg_daemon.exits import MENDABLE, log_fault, reason_of
from ddbcfg_daemon.guards import Guard, GuardRefused
from ddbcfg_daemon.memory import give_back
from ddbcfg_daemon.moment import Moment
from ddbcfg_daemon.publisher import Publisher
from ddbcfg_daemon.publishing.poll_requests import Outcome, PollRequests
from ddbcfg_daemon.schedule import Schedule
from ddbcfg_daemon.source import Reading, Source

log = logging.getLogger("ddbcfg.daemon")

_FORCED_GAP = 1.0  # seconds between two polls, however many ask for one
_READ_PATIENCE = 10.0  # seconds that the disk gets to read the copy, once after a boot
_WRITE_PATIENCE = 0.5  # seconds that a disk which did not hang before gets to write it

# No later poll can mend these: the store is given up, and taken up again later.
FATAL = (MisconfiguredSchemaException, WriterLocked)


class Refresher:
    """Polls *source* about every *interval* seconds and has the publisher publish it.

    ``failure`` is what ended :meth:`run`, if it did not end because of :meth:`stop`.
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
        self.publisher = publisher
        self.interval = interval
        self.failure: BaseException | None = None
        self._source = source
        self._guards = guards
        self._copy = copy
        self._requests = requests or PollRequests()
        self._on_event = on_event
        self._label = f"{publisher.names.namespace}/{publisher.names.store}"
        self._stop = threading.Event()
        self._options: Mapping[str, bytes] | None = None
        self._loaded: Copy | None = None  # what was on disk, until something is published
        self._looked = copy is None
        self._copy_error = ""
        self._skipped: set[str] = set()
        self._refused = False
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

    # --- what the service looks at ---------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether readers have something to read."""
        return self.publisher.generation > 0

    @property
    def silence(self) -> float:
        """Seconds since the loop last got on, not counting the time it means to sleep."""
        # A poll that was asked for has no such time: the next scheduled one may be an hour away.
        since = max(self._progress_at, self._due) if self._sleeping else self._progress_at
        return max(0.0, (boottime() - since) / 1e9)

    @property
    def status(self) -> PageStatus:
        """How the polls fared, as readers see it."""
        return self._status

    @property
    def refused(self) -> bool:
        """Whether a guard kept what the last poll read from being published."""
        return self._refused

    @property
    def copy_error(self) -> str:
        """Why the copy on disk is not what is published; empty when it is, or none is kept."""
        return self._copy.error if self._copy else ""

    @property
    def summary(self) -> str:
        """One phrase on how the store fares."""
        status = self._status
        snapshot = self.publisher.snapshot
        options = 0 if snapshot is None else len(snapshot)
        text = f"{self._label}: generation {self.publisher.generation}, {options} options"
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
                del error  # its frames hold what was read
                scheduled = self._sleep()
        except FATAL as error:
            self.failure = error
        except BaseException as error:  # noqa: BLE001 - a fault; the service decides what follows
            if isinstance(error, PublishError) and self._stop.is_set():
                return  # the publisher was closed while this poll was under way
            log_fault(self._label, error)
            self.failure = error
        finally:
            self._on_event()

    def stop(self) -> None:
        """End :meth:`run` soon; a poll that is under way is not waited for."""
        self._stop.set()
        self.wake()

    def wake(self) -> None:
        """Have a sleeping loop look at the clock now; called from other threads."""
        self._requests.wake()

    def nudge(self) -> bool:
        """Ask for a poll now, from another thread; return whether none was asked for yet."""
        return self._requests.ask()

    def poll(self, *, scheduled: bool = True) -> Exception | None:
        """Read the store once and publish what is new; the error if that failed.

        A poll that somebody asked for is not *scheduled*.  Raises only what no later poll can mend
        (FATAL).
        """
        accepted = self._requests.begin()
        status = self._status
        status.poll_started = boottime()
        self._progress()
        failure: Exception | None = None
        published = False
        try:
            for what in self.publisher.verify():
                log.warning("%s: somebody removed %s; it was made anew", self._label, what)
            self._look_at_the_copy()
            reading = self._source.read(self._progress)
            if self._stop.is_set():
                return None
            self._guard(reading, scheduled, accepted)
            published = self._publish(reading)
        except WriterLocked:
            raise  # the page is the other daemon's by now
        except MENDABLE as error:
            failure = error
        self._refused = isinstance(failure, GuardRefused)
        self._progress()
        status.poll_finished = boottime()
        status.polls += 1
        if failure is None:
            self._succeeded(status, reading)
        else:
            self._serve_copy(status)
            self._failed(status, failure)
        self.publisher.report(status)
        self._requests.end(self._outcome(published, failure))
        if isinstance(failure, FATAL):
            raise failure
        # After the report: nobody who waits for the poll has to wait for the disk.
        if failure is None:
            self._keep_copy()
        self._say_how_the_copy_is()
        return failure

    def _outcome(self, published: bool, failure: Exception | None) -> Outcome:
        """Return what a poll that ended like this is for those who asked for it."""
        text = str(failure) if failure else ""
        held, error = (text, "") if isinstance(failure, GuardRefused) else ("", text)
        return Outcome(self.publisher.generation, published, held, error)

    def _guard(self, reading: Reading, scheduled: bool, accepted: bool) -> None:
        """Raise GuardRefused for a reading that must not follow what is published."""
        published: Collection[str] = self._options or ()
        if self._options is None:
            snapshot = self.publisher.snapshot
            if snapshot is not None:
                published = snapshot
            elif self._loaded:
                published = self._loaded.reading.options
        try:
            for guard in self._guards:
                guard.check(published, reading, scheduled=scheduled)
        except GuardRefused as refused:
            if not accepted:
                raise
            log.warning("%s: an operator accepted what was refused: %s", self._label, refused)

    def _publish(self, reading: Reading) -> bool:
        """Publish *reading* unless it is published already; return whether it was new."""
        if not self.ready:
            # First: who waits for the first snapshot may want to know at once how old it is.
            self._date(reading)
            self.publisher.report(self._status)
        if not self.publisher.publish(reading):
            self._options = reading.options
            return False
        snapshot = self.publisher.snapshot
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
                "is the store's name right?",
                self._label,
            )
        self._options = reading.options
        return True

    def _succeeded(self, status: PageStatus, reading: Reading) -> None:
        if status.failures:
            log.info("%s: polls succeed again after %d failures", self._label, status.failures)
        self._date(reading)
        status.failures = 0
        status.error = ""
        status.skipped = len(reading.skipped)
        for name in set(reading.skipped) - self._skipped:
            log.warning("%s: skipped an item whose option name is no string: %s", self._label, name)
        self._skipped |= set(reading.skipped)

    def _date(self, reading: Reading) -> None:
        """Note that DynamoDB was read just now."""
        self._status.success = boottime()
        self._status.success_unix = time.time_ns()
        self._status.source = reading.source

    def _failed(self, status: PageStatus, error: Exception) -> None:
        status.failures += 1
        status.error = reason_of(error)
        age = age_of(status.success)
        if not self.ready:
            serving = "nothing is published yet"
        elif age is None:
            serving = f"still serving generation {self.publisher.generation}"
        else:
            serving = f"still serving generation {self.publisher.generation}, {age:.0f} s old"
        log.warning(
            "%s: poll %d failed: %s; %s", self._label, status.failures, status.error, serving
        )

    # --- the copy on disk ------------------------------------------------------------------------

    def _look_at_the_copy(self) -> None:
        """After a boot: guards compare with what the copy holds, and generations go on from it."""
        if self._looked or self._copy is None:
            return
        if self.publisher.snapshot is None:
            self._loaded = self._copy.load(_READ_PATIENCE)
            if self._loaded:
                self.publisher.advance(self._loaded.generation)
        self._looked = True

    def _serve_copy(self, status: PageStatus) -> None:
        """Publish the copy on disk if there is nothing else: after a reboot without DynamoDB."""
        if self._loaded is None:
            return
        if self.publisher.snapshot is None and not self._publish_copy(self._loaded):
            return
        # Again at each poll that fails: the wall clock may have been put right meanwhile.
        age = self._loaded.confirmed.age()
        status.success = boottime() - age
        status.success_unix = time.time_ns() - age

    def _publish_copy(self, copy: Copy) -> bool:
        status, age = self._status, copy.confirmed.age()
        status.source = "disk"
        status.success = boottime() - age
        status.success_unix = time.time_ns() - age
        try:
            # First: whoever finds the snapshot finds how old it is.
            self.publisher.report(status)
            self.publisher.publish(replace(copy.reading, read_boottime=status.success))
        except MENDABLE as error:
            log.warning("%s: the copy on disk was not published: %s", self._label, error)
            return False
        self._options = copy.reading.options
        log.warning(
            "%s: serving the copy on disk as generation %d, last confirmed %d s ago",
            self._label,
            self.publisher.generation,
            age // 10**9,
        )
        return True

    def _keep_copy(self) -> None:
        """Have what is published written to disk, or only the time if it is there already."""
        self._loaded = None
        snapshot = self.publisher.snapshot
        if self._copy is None or snapshot is None or self._options is None:
            return
        content = Content(
            self._options,
            snapshot.generation,
            snapshot.digest,
            round(snapshot.read_at * 1e9),
            Moment.now(),
        )
        idle = self._copy.wait(0)
        self._copy.keep(content)
        if idle:
            self._copy.wait(_WRITE_PATIENCE)

    def finish_copy(self, patience: float) -> None:
        """Wait until the copy on disk is written, but no longer than that."""
        if self._copy:
            self._copy.wait(patience)
            self._say_how_the_copy_is()

    def _say_how_the_copy_is(self) -> None:
        error = self.copy_error
        if error and error != self._copy_error:
            log.warning("%s: %s", self._label, error)
        elif self._copy_error and not error:
            log.info("%s: the copy on disk is what is published again", self._label)
        self._copy_error = error

    # --- when ------------------------------------------------------------------------------------

    def _pause(self, error: Exception | None) -> float:
        """Seconds until the next poll."""
        # What a guard refuses is to stand for some polls, not for some seconds.
        if error is None or isinstance(error, GuardRefused):
            return self._schedule.regular()
        return self._schedule.retry(self._status.failures)

    def _set_due(self, error: Exception | None, scheduled: bool) -> None:
        """Set the time of the next scheduled poll after one that ended with *error*.

        Polls that are asked for do not put it off, or readers could keep it from ever coming.
        """
        if scheduled:
            self._due = boottime() + round(self._pause(error) * 1e9)
        elif error is not None and not isinstance(error, GuardRefused):
            self._due = min(self._due, boottime() + round(self._pause(error) * 1e9))

    def _sleep(self) -> bool:
        """Wait until the next poll is due or one is asked for; return whether it is due."""
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
