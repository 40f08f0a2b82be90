"""The copy on disk as the refresher uses it: what is served and compared with after a reboot."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.exits import MENDABLE
from ddbcfg_daemon.publishing.publisher import Publisher

log = logging.getLogger("ddbcfg.daemon")

_READ_PATIENCE = 10.0  # seconds that the disk gets to read the copy after a boot
_WRITE_PATIENCE = 0.5  # seconds that a disk which did not hang before gets to write it

_NOTHING: Mapping[str, bytes] = {}


class LastKnownGood:
    """One store's copy, kept by *keeper*; without one, none is kept."""

    def __init__(self, keeper: CopyKeeper | None, publisher: Publisher, label: str) -> None:
        self._keeper = keeper
        self._publisher = publisher
        self._label = label
        self._settled = False  # whether what is served does not depend on the copy any more
        self._hangs = False
        self._loaded: Copy | None = None  # what was on disk, until the table was read
        self._logged = ""

    @property
    def error(self) -> str:
        """Why the copy is not what is published; empty when it is, or none is kept."""
        return self._keeper.error if self._keeper else ""

    @property
    def options(self) -> Mapping[str, bytes]:
        """What was on disk after a boot, until the table was read; else nothing."""
        return self._loaded.reading.options if self._loaded else _NOTHING

    def look(self) -> None:
        """Load the copy if nothing is in shared memory, and have generations go on from its.

        Until there is something, each poll looks again: the disk may have hung, or was not there.
        """
        if self._keeper is None or self._settled or self._loaded:
            return
        if self._publisher.snapshot is not None:
            self._settled = True
            return
        try:
            # A disk that hangs holds up one poll and no other.
            self._loaded = self._keeper.load(0.0 if self._hangs else _READ_PATIENCE)
        except TimeoutError:
            self._hangs = True
            return
        self._hangs = False
        if self._loaded:
            self._publisher.advance(self._loaded.generation)

    def serve(self, status: PageStatus) -> bool:
        """Publish what was loaded if there is nothing else; return whether it is published now.

        In any case *status* gets its age: anew each time, for the wall clock may have been put
        right meanwhile.
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
        try:
            # First: whoever finds the snapshot finds how old it is.
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

    def keep(self, options: Mapping[str, bytes] | None) -> None:
        """Have what is published written to disk, or only the time if it is there already.

        To be called when the table was read just now and left it current; *options* are the
        published ones, if they are known.
        """
        snapshot = self._publisher.snapshot
        if self._keeper is None or snapshot is None:
            return
        self._loaded, self._settled = None, True
        try:
            options = snapshot.packed() if options is None else options
        except MENDABLE:
            return  # damaged: the next poll finds and mends it
        content = Content(
            options,
            snapshot.generation,
            snapshot.digest,
            round(snapshot.read_at * 1e9),
            Moment.now(),
        )
        idle = self._keeper.wait(0)
        self._keeper.keep(content)
        if idle:
            self._keeper.wait(_WRITE_PATIENCE)

    def finish(self, patience: float) -> None:
        """Wait until the copy is written, but no longer than *patience* seconds."""
        if self._keeper:
            self._keeper.wait(patience)
            self.log_error()

    def log_error(self) -> None:
        """Log a new error, once, and its end."""
        error = self.error
        if error and error != self._logged:
            log.warning("%s: %s", self._label, error)
        elif self._logged and not error:
            log.info("%s: the copy on disk is what is published again", self._label)
        self._logged = error


def _date(status: PageStatus, copy: Copy) -> None:
    age = copy.confirmed.age()
    status.success = boottime() - age
    status.success_unix = time.time_ns() - age
