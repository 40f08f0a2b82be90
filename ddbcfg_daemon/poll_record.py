"""What the polls of a store found: the status shows it to readers, and the log has it once."""

from __future__ import annotations

import logging
import time
from collections import Counter

from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_client.printable import counted
from ddbcfg_client.shm.clock import age_of, boottime
from ddbcfg_daemon.exits import reason_of
from ddbcfg_daemon.poll_figures import PollFigures
from ddbcfg_daemon.sources.base import Provenance, Reading

log = logging.getLogger("ddbcfg.daemon")


class PollRecord:
    """Records polls in ``status``, the status that readers see; ``label`` names the store."""

    def __init__(self, status: PageStatus, label: str) -> None:
        self.status = status
        self.changes: Counter[str] = Counter()  # publications by how they became known
        self.figures = PollFigures()
        self._label = label
        self._skipped: set[str] = set()
        # Counted since the daemon's start.
        status.half_units = status.poll_half_units = status.full_polls = status.doubts = 0

    def began(self) -> None:
        """Record that a poll begins."""
        self.status.poll_started = boottime()

    def ended(self) -> None:
        """Record that a poll has ended."""
        self.status.poll_finished = boottime()
        self.status.polls += 1
        took = self.status.poll_finished - self.status.poll_started
        self.figures.polls.observe(took / 1e9)

    def succeeded(self, reading: Reading, held: str, *, published: bool, generation: int) -> None:
        """Record that the table was read, even if a guard refused the reading: ``held`` says why.

        ``published`` says whether it became a generation.  ``generation`` is what readers see now,
        0 if nothing.
        """
        status = self.status
        if reading.failure is None:
            if status.failures:
                log.info(
                    "%s: polls succeed again after %s",
                    self._label,
                    counted(status.failures, "failure"),
                    extra={"event": "polls_succeed"},
                )
            status.failures = 0
            status.error = ""
        self._consumed(reading)
        if not reading.confirmed:
            self._noted(reading.provenance, published)
            return  # what is served is as old as it was
        source = status.source
        self.date(reading)
        if held and generation:
            status.source = source  # the published snapshot still comes from there
        if not held or not generation:
            status.revision, status.epoch = reading.provenance.revision, reading.provenance.epoch
        self._noted(reading.provenance, published)
        self._hold(held, generation)
        status.skipped = len(reading.skipped)
        for name in set(reading.skipped) - self._skipped:
            text = "%s: skipped an item whose option name is not a string: %s"
            log.warning(text, self._label, name)
        self._skipped |= set(reading.skipped)

    def failed(self, error: Exception, *, generation: int) -> None:
        """Record that a poll failed."""
        status = self.status
        status.failures += 1
        self.figures.failures[type(error).__name__] += 1
        status.error = reason_of(error)
        log.warning(
            "%s: poll %d failed: %s; %s",
            self._label,
            status.failures,
            status.error,
            self._serving(generation),
            extra={"event": "poll_failed"},
        )

    def date(self, reading: Reading) -> None:
        """Record that DynamoDB was read just now, or when its oldest layer was."""
        now = boottime()
        self.status.success = now if reading.confirmed_at is None else reading.confirmed_at
        self.status.success_unix = time.time_ns() - (now - self.status.success)
        self.status.source = reading.source

    def in_doubt(self, changed: str) -> None:
        """Log that no revision explains the reading; ``changed`` says what it changed."""
        log.warning(
            "%s: in doubt: a writer without revisions changed the store%s; 'ddbcfg-client revision "
            "sync' makes a revision of it",
            self._label,
            changed,
        )

    def _consumed(self, reading: Reading) -> None:
        status = self.status
        status.poll_half_units = round(2 * reading.units)
        status.half_units += status.poll_half_units
        if reading.whole:
            status.full_polls += 1
            status.full_read = boottime()
            status.doubts += reading.provenance.in_doubt

    def _noted(self, provenance: Provenance, published: bool) -> None:
        status = self.status
        status.table_revision = provenance.table_revision
        if provenance.how and (published or not status.how):
            status.how = provenance.how
            self.changes[provenance.how] += published
        elif not provenance.how and not provenance.table_revision:
            status.how = ""  # an earlier daemon's, which followed the revision
        followed = provenance.table_revision and not provenance.in_doubt
        if followed and provenance.note and provenance.note != status.note:
            log.info("%s: %s", self._label, provenance.note)
        status.note = provenance.note
        if not provenance.in_doubt:
            status.doubt_since = NEVER
        elif status.doubt_since == NEVER:
            status.doubt_since = time.time_ns()

    def _hold(self, why: str, generation: int) -> None:
        status = self.status
        self.figures.refusals += bool(why)
        if why and why != status.held:
            log.warning(
                "%s: %s; %s", self._label, why, self._serving(generation), extra={"event": "held"}
            )
        elif status.held and not why:
            log.info(
                "%s: the table's content is no longer held",
                self._label,
                extra={"event": "accepted"},
            )
        if not why:
            status.held_since = NEVER
        elif not status.held:
            status.held_since = time.time_ns()
        status.held = why

    def _serving(self, generation: int) -> str:
        """Return what readers see in the meantime, as text for the log."""
        if not generation:
            return "nothing is published yet"
        age = age_of(self.status.success)
        text = f"still serving generation {generation}"
        return text if age is None else f"{text}, {age:.0f} s old"
