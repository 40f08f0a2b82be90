"""What is published of a store: its options, and how a reading or the copy on disk becomes them."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf

from ddbcfg_client.errors import SnapshotCorrupt
from ddbcfg_client.printable import counted
from ddbcfg_client.shm.clock import age_of
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.change_text import changes
from ddbcfg_daemon.disk.last_known_good import LastKnownGood
from ddbcfg_daemon.poll_record import PollRecord
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading, Served

log = logging.getLogger("ddbcfg.daemon")


class Publication:
    """Publishes readings, and the copy while there is none; ``label`` names the store in the log.

    ``options`` are the published ones, name to packed keys; None if this daemon has not published
    any yet.
    """

    def __init__(
        self, publisher: Publisher, copy: LastKnownGood, record: PollRecord, label: str
    ) -> None:
        self.options: Mapping[str, bytes] | None = None
        self._publisher = publisher
        self._copy = copy
        self._record = record
        self._label = label

    @property
    def snapshot(self) -> Snapshot | None:
        """The published snapshot; None if there is none, or it is damaged."""
        return self._publisher.snapshot

    @property
    def published(self) -> Mapping[str, bytes] | None:
        """The published options, also if an earlier daemon published them; None if none are."""
        return self._publisher.options if self.options is None else self.options

    def names(self) -> Collection[str]:
        """Return the names of the options that a reading would replace, for the guards.

        Those of the copy on disk if nothing is published.
        """
        if self.options is not None:
            return self.options
        snapshot = self._publisher.snapshot
        return self._copy.options if snapshot is None else snapshot

    def served(self) -> Served | None:
        """Return what an earlier daemon left, for a source that has read nothing yet."""
        status = self._record.status
        options = self._publisher.options if status.revision else None
        if options is not None:
            # Without it, daemons that do not live long, as with --once, would never read in full.
            # After a boot it is unknown: then only they do.
            full_age = age_of(status.full_read)
            if full_age is None:
                full_age = 0.0 if status.source == "disk" else inf
            return Served(status.epoch, status.revision, options, full_age)
        return None if self._publisher.generation else self._copy.served

    def layers(self) -> Mapping[str, object]:
        """Return which content of each layer is in what is published, or else in the copy."""
        snapshot, copy = self._publisher.snapshot, self._copy.loaded
        if snapshot is None:
            return {} if copy is None else copy.reading.layers
        try:
            return snapshot.about().layers
        except SnapshotCorrupt:
            return {}  # the next poll detects and repairs it

    def publish(self, reading: Reading) -> bool:
        """Publish ``reading`` unless it is published already; return whether it was new."""
        if not self._publisher.generation:
            # Before the snapshot, so that a reader that waits for it finds its age at once.
            self._record.date(reading)
            self._publisher.report(self._record.status)
        before = self.published
        began = time.monotonic()
        news = self._publisher.publish(reading)
        if news:
            self._record.figures.publishes.observe(time.monotonic() - began)
        self.options = reading.options
        changed = changes(before, reading.options) if news else ""
        if reading.provenance.in_doubt and reading.whole:
            self._record.in_doubt(changed)
        if news:
            self._log(reading, changed)
            if not reading.options and not before:
                log.warning(
                    "%s: the table has no options for this store, so it was published empty; "
                    "check the store's name",
                    self._label,
                )
        return news

    def publish_pinned(self, reading: Reading) -> bool:
        """Publish a content that the table may not have; return whether it was new."""
        before = self.published
        # A pin does not make the layers older: what was served before it still counts.
        news = self._publisher.publish(replace(reading, layers=self.layers()))
        self.options = reading.options
        if news:
            self._log(reading, changes(before, reading.options))
        return news

    def serve_copy(self) -> None:
        """Publish the copy on disk if nothing is published."""
        if self._copy.serve(self._record.status):
            self.options = self._copy.options

    def _log(self, reading: Reading, changed: str) -> None:
        snapshot = self._publisher.snapshot
        assert snapshot is not None
        revision = reading.provenance.revision
        log.info(
            "%s: generation %d: %s, %d bytes, digest %s%s%s",
            self._label,
            snapshot.generation,
            counted(len(snapshot), "option"),
            snapshot.size,
            snapshot.digest[:12],
            f", revision {revision}" if revision else "",
            changed,
            extra={"event": "published"},
        )
