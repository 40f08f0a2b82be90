"""The pin of one store: an operator's decision, which beats the table and the guards.

The record on disk says whether a store is pinned, and so does the control page.  The store is
pinned if either says so: the page survives a disk that hangs or another folder, and the record
survives a reboot.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.disk.copy_format import Copy
from ddbcfg_daemon.disk.copy_keeper import CopyKeeper
from ddbcfg_daemon.disk.last_known_good import LastKnownGood
from ddbcfg_daemon.disk.moment import Moment, boot_id
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.exits import MENDABLE, reason_of
from ddbcfg_daemon.pinning.choices import PATIENCE, Choices, done
from ddbcfg_daemon.pinning.pinned import PinHolds, Pinned, PinPending, PinRefused
from ddbcfg_daemon.publication import Publication
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Provenance, Reading

log = logging.getLogger("ddbcfg.daemon")


class Pin:
    """Serves the pinned content of a store, if one is pinned, and says so in ``status``.

    ``label`` names the store in the log.  ``keeper`` has the files; None if nothing is kept on
    disk.  Only the refresher's thread uses this.
    """

    def __init__(
        self,
        keeper: CopyKeeper | None,
        publisher: Publisher,
        publication: Publication,
        copy: LastKnownGood,
        status: PageStatus,
        label: str,
    ) -> None:
        self.active: Pinned | None = None
        self.error = ""  # why the record is wrong; empty if it is right
        self.choices = Choices(keeper, publication, status)
        self._keeper = keeper
        self._publisher = publisher
        self._publication = publication
        self._copy = copy
        self._status = status
        self._label = label
        self._known = False  # whether it is certain what is pinned
        self._reading: Future[Copy | None] | None = None
        self._writing: Future[object] | None = None
        self._compared: Reading | None = None  # the last reading that has the pinned content

    # --- at each poll ----------------------------------------------------------------------------

    def look(self) -> None:
        """Determine what is pinned, if that is not known, and publish it."""
        if not self._known:
            self._look()
        self._write_again()
        if self.active is not None:
            self.apply()

    def refusal(self, reading: Reading) -> PinHolds | None:
        """Return why ``reading`` is not published; None if it has the pinned content."""
        pinned = self.active
        assert pinned is not None
        if self._compared is None or reading.options is not self._compared.options:
            if reading.options != pinned.options:
                return PinHolds(pinned.generation, pinned.since, pinned.by)
            self._compared = reading
        return None

    def apply(self) -> bool:
        """Publish the pinned content, unless it is published; return whether this call did."""
        pinned, status = self.active, self._status
        assert pinned is not None
        if pinned.options is self._publication.options:
            return False
        reading = replace(pinned.reading, source=status.source or "disk")
        if not self._publisher.generation:
            age = self._age_of(pinned)
            reading = replace(pinned.reading, source="disk")
            status.source = "disk"
            status.success, status.success_unix = boottime() - age, time.time_ns() - age
            # Before the snapshot, so that a reader that finds it can also see its age.
            self._publisher.report(status)
        news = self._publication.publish_pinned(replace(reading, read_boottime=status.success))
        if news:
            status.revision = pinned.reading.provenance.revision
            status.epoch = pinned.reading.provenance.epoch
        return news

    def _age_of(self, pinned: Pinned) -> int:
        """Return the nanoseconds since the table was last read; the copy may have a later time."""
        copy = self._copy.confirmed
        ages = [moment.age() for moment in (pinned.confirmed, copy) if moment is not None]
        return min(ages)

    # --- what is pinned --------------------------------------------------------------------------

    def _look(self) -> None:
        found, damaged = None, False
        if self._keeper is not None:
            keeper = self._keeper
            waited = self._reading is not None
            if self._reading is None:
                self._reading = keeper.do(lambda: _read(keeper))
            try:
                # A disk that hangs delays only one poll.
                found = self._reading.result(0.0 if waited or self._copy.hangs else PATIENCE)
            except TimeoutError:
                self.error = f"the disk hangs, so it is unknown what is pinned ({keeper.folder})"
                self._hold_published()
                return
            except (*MENDABLE, ValueError) as error:
                damaged = isinstance(error, ValueError)
                text = f"the record of what is pinned cannot be read: {error}"
                if text != self.error:
                    log.warning("%s: %s", self._label, text)
                self.error = text
                if not damaged:  # a folder or a disk, which may be repaired
                    self._reading = None
                    self._hold_published()
                    return
            else:
                self.error = ""
            self._reading = None
            self._publisher.advance(max((one.generation for one in keeper.kept), default=0))
        self._known = True
        if found is not None:
            self._activate(Pinned.of(found))
        elif self.active is None and (self._status.pinned or damaged):
            self._hold_published(damaged=damaged)
        if found is None and self.active is not None:
            self._write(self.active)

    def _hold_published(self, *, damaged: bool = False) -> None:
        """Pin what is published, because the page says that it is pinned, or a damaged record."""
        status = self._status
        if self.active is not None or not (status.pinned or damaged):
            return
        options, snapshot = self._publication.published, self._publisher.snapshot
        if options is None or snapshot is None:
            copy = self._copy.loaded
            if copy is not None:
                self._activate(Pinned.of(copy))
                return
            log.warning("%s: nothing is pinned now: the pinned content is lost", self._label)
            _clear(status)
            return
        epoch, revision = snapshot.revision or ("", 0)
        reading = Reading(
            options,
            round(snapshot.read_at * 1e9),
            "disk",
            provenance=Provenance(epoch=epoch, revision=revision),
        )
        self._activate(
            Pinned(
                reading,
                status.pinned or snapshot.generation,
                snapshot.digest,
                time.time_ns() if status.pinned_since == NEVER else status.pinned_since,
                status.pinned_by,
                self._confirmed(),
            )
        )

    def _activate(self, pinned: Pinned) -> None:
        self.active, self._compared = pinned, None
        status = self._status
        status.pinned, status.pinned_since = pinned.generation, pinned.since
        status.pinned_by = pinned.by
        log.warning(
            "%s: pinned to the content of generation %d%s; newer content is held until "
            "'ddbcfg-client unpin'",
            self._label,
            pinned.generation,
            f", by {pinned.by}" if pinned.by else "",
        )

    def _confirmed(self) -> Moment:
        status = self._status
        if status.success == NEVER:
            return Moment.now()
        return Moment(status.success_unix, status.success, boot_id())

    def _write(self, pinned: Pinned | None) -> None:
        """Write the record of ``pinned``, or remove it, in the thread of the disk."""
        if self._keeper is None:
            return
        keeper = self._keeper
        if pinned is None:
            self._writing = keeper.do(keeper.pin_file.remove)
        else:
            self._writing = keeper.do(lambda: keeper.save_pin(pinned.content()))

    def _write_again(self) -> None:
        """Look at the result of the last ``_write``, and try again if it failed."""
        if self._writing is None or not self._writing.done():
            return
        error, self._writing = self._writing.exception(), None
        if error is None:
            self.error = ""
            return
        self.error = f"the record of what is pinned cannot be written: {error}"
        self._write(self.active)

    # --- an operator's decisions -----------------------------------------------------------------

    def pin(self, generation: int | None, revision: int | None, by: str) -> bool:
        """Pin a content; return whether that published it.

        The record is on disk before anything else changes.  Raise PinRefused, or PinPending if it
        is pinned but not published yet.
        """
        if self._keeper is None:
            raise PinRefused(
                "the daemon keeps nothing of this store on disk, so a pin would not outlast a "
                "restart; --state-dir sets a folder (a store of --local has none)"
            )
        self._publisher.verify()  # another daemon may have taken over
        reading, number, digest = self.choices.content(generation, revision, self.active)
        pinned = Pinned(reading, number, digest, time.time_ns(), by, self._confirmed())
        before, save = self.active, self._keeper.save_pin
        done(self._keeper, lambda: save(pinned.content()), lambda: self._write(before))
        self._known, self._writing, self.error = True, None, ""
        self._activate(pinned)
        news = self._publish()
        if news:
            # No poll may succeed before the next boot, and generations must not be numbered again.
            self._copy.keep(self._publication.options, self._status, self._status.success)
        return news

    def unpin(self, by: str) -> bool:
        """End the pin; return whether there was one.  Raise PinRefused."""
        self._publisher.verify()
        before = self.active
        if self._keeper is not None:
            file = self._keeper.pin_file
            done(self._keeper, lambda: _remove(file.remove), lambda: self._write(before))
        self._known, self._reading, self._writing, self.error = True, None, None, ""
        self.active = self._compared = None
        status = self._status
        if before is not None:
            _clear(status)
            status.held, status.held_since = "", NEVER
            log.warning("%s: unpinned by %s", self._label, by)
        self._publisher.report(status)
        return before is not None

    def _publish(self) -> bool:
        try:
            return self.apply()
        except WriterLocked:
            raise
        except MENDABLE as error:
            raise PinPending(reason_of(error)) from None
        finally:
            self._publisher.report(self._status)


def _clear(status: PageStatus) -> None:
    status.pinned, status.pinned_since, status.pinned_by = 0, NEVER, ""


def _read(keeper: CopyKeeper) -> Copy | None:
    if keeper.generations is not None:
        try:
            keeper.generations.look()
        except MENDABLE as error:  # the folder may be wrong; the pin is valid nevertheless
            log.warning("generations on disk: %s", reason_of(error))
    return keeper.pin_file.load()


def _remove(remove: Callable[[], None]) -> None:
    try:
        remove()
    except FileNotFoundError:
        return  # the folder is gone, and the record with it
