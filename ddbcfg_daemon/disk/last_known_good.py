"""The copy on disk as the refresher uses it: after a reboot, it is served and guards use it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.generations import notes_of
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.exits import MENDABLE
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Served

log = logging.getLogger("ddbcfg.daemon")

_READ_PATIENCE = 10.0  # seconds to wait until the copy is read after a boot
_WRITE_PATIENCE = 0.5  # seconds to wait until the copy is written, unless the disk hung before

_NOTHING: Mapping[str, bytes] = {}


class LastKnownGood:
    """One store's copy, written by ``keeper``; if that is None, no copy is kept."""

    def __init__(self, keeper: CopyKeeper | None, publisher: Publisher, label: str) -> None:
        self._keeper = keeper
        self._publisher = publisher
        self._label = label
        self._settled = False  # whether the copy is no longer needed for serving
        self._hangs = False
        self._loaded: Copy | None = None  # the copy on disk, until the table is read
        self._logged = ""
        self._notes: Mapping[str, object] = {}
        self._notes_of = 0  # the generation that they are about

    @property
    def error(self) -> str:
        """Why the copy is not up to date; empty if it is, or if no copy is kept."""
        return self._keeper.error if self._keeper else ""

    @property
    def options(self) -> Mapping[str, bytes]:
        """The options of the copy after a boot, until the table is read; else empty."""
        return self._loaded.reading.options if self._loaded else _NOTHING

    @property
    def served(self) -> Served | None:
        """The copy after a boot, until the table is read, if it has a revision."""
        if self._loaded is None or not self._loaded.reading.provenance.revision:
            return None
        reading = self._loaded.reading
        return Served(reading.provenance.epoch, reading.provenance.revision, reading.options)

    @property
    def hangs(self) -> bool:
        """Whether the disk hung when the copy was to be loaded."""
        return self._hangs

    @property
    def loaded(self) -> Copy | None:
        """The copy after a boot, until the table is read."""
        return self._loaded

    @property
    def confirmed(self) -> Moment | None:
        """When the table last confirmed the copy, after a boot and until the table is read."""
        return None if self._loaded is None else self._loaded.confirmed

    def look(self) -> None:
        """Load the copy if nothing is in shared memory, and continue after its generation.

        Called at each poll until there is a snapshot: the disk may have hung or been missing.
        """
        if self._keeper is None or self._settled or self._loaded:
            return
        if self._publisher.snapshot is not None:
            self._settled = True
            return
        try:
            # A disk that hangs delays only one poll.
            self._loaded = self._keeper.load(0.0 if self._hangs else _READ_PATIENCE)
        except TimeoutError:
            self._hangs = True
            return
        self._hangs = False
        if self._loaded:
            self._publisher.advance(self._loaded.generation)

    def serve(self, status: PageStatus) -> bool:
        """Publish the loaded copy if nothing is published; return whether this call published it.

        While the copy is served, set its age in ``status`` at each call, because the wall clock may
        have been corrected.
        """
        copy, published = self._loaded, False
        if copy is None:
            return False
        if self._publisher.snapshot is None:
            published = self._publish(copy, status)
            if not published:
                return False
        _date(status, copy)
        return published

    def _publish(self, copy: Copy, status: PageStatus) -> bool:
        _date(status, copy)
        status.source = "disk"
        status.revision = copy.reading.provenance.revision
        status.epoch = copy.reading.provenance.epoch
        try:
            # Before the snapshot, so that a reader that finds it can also see its age.
            self._publisher.report(status)
            self._publisher.publish(replace(copy.reading, read_boottime=status.success))
        except MENDABLE as error:
            log.warning("%s: the copy on disk was not published: %s", self._label, error)
            return False
        log.warning(
            "%s: serving the copy on disk as generation %d, last confirmed %d s ago",
            self._label,
            self._publisher.generation,
            copy.confirmed.age() // 10**9,
        )
        return True

    def keep(
        self,
        options: Mapping[str, bytes] | None,
        status: PageStatus,
        confirmed_at: int | None = None,
    ) -> None:
        """Write the published snapshot to disk, or only the time if the copy has this content.

        Called after a poll that confirmed or published the snapshot.  ``options`` are the published
        ones; None if unknown.  ``status`` has their revision.  ``confirmed_at`` is when the table
        confirmed the oldest layer; None if that was just now.
        """
        snapshot = self._publisher.snapshot
        if self._keeper is None or snapshot is None:
            return
        self._loaded, self._settled = None, True
        try:
            options = snapshot.packed() if options is None else options
            if self._notes_of != snapshot.generation:
                self._notes, self._notes_of = notes_of(snapshot), snapshot.generation
        except MENDABLE:
            return  # damaged: the next poll detects and repairs it
        content = Content(
            options,
            snapshot.generation,
            snapshot.digest,
            round(snapshot.read_at * 1e9),
            Moment.now() if confirmed_at is None else Moment.before(boottime() - confirmed_at),
            status.revision,
            status.epoch,
            self._notes,
        )
        idle = self._keeper.wait(0)
        self._keeper.keep(content)
        if idle:
            self._keeper.wait(_WRITE_PATIENCE)

    def finish(self, patience: float) -> None:
        """Wait until the copy is written, for at most ``patience`` seconds."""
        if self._keeper:
            self._keeper.wait(patience)
            self.log_error()

    def log_error(self) -> None:
        """Log a new error once, and log when it is over."""
        error = self.error
        if error and error != self._logged:
            log.warning("%s: %s", self._label, error)
        elif self._logged and not error:
            log.info("%s: the copy on disk is up to date again", self._label)
        self._logged = error


def _date(status: PageStatus, copy: Copy) -> None:
    age = copy.confirmed.age()
    status.success = boottime() - age
    status.success_unix = time.time_ns() - age
