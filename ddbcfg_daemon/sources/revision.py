"""The source that follows the revision of a store, and reads the store itself as rarely as it can.

What a poll reads and believes is decided in ``ddbcfg_client.dynamodb.revision.following``.  Here is
what it needs of a daemon: what was read last, when to read in full, and what to do without a
revision.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from threading import Lock

from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.following import NO_ITEM, NO_PLACE, follow
from ddbcfg_client.dynamodb.revision.item import Pending
from ddbcfg_client.dynamodb.revision.known import Followed, How, Known
from ddbcfg_client.dynamodb.revision.pauses import pause_in_doubt
from ddbcfg_client.dynamodb.revision.pending import DEAD, Watch
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import CredentialsRefused, ImportPending, StoreUnsettled
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.sources.base import Progress, Provenance, Reading, Served
from ddbcfg_daemon.sources.cancellation import pause
from ddbcfg_daemon.sources.revision_state import Delay, State, mark_of
from ddbcfg_daemon.sources.store import StoreSource
from ddbcfg_daemon.sources.store_reads import RevisionDenied, StoreReads

log = logging.getLogger("ddbcfg.daemon")

#: How options become known that a revision proves, and those that none does.
_PROVED = (How.LOG, How.CHANGES, How.QUERY, How.STRONG)
_NEWS = (*_PROVED, How.DOUBT)
#: Seconds from a full reading that failed, or was in vain beside an import, to the next one.  Until
#: then polls begin with the revision, so that changes are still seen.
_FULL_PAUSE = 60.0
#: Bytes of an eventually consistent Query that cost one read unit.
_UNIT = 8192


def _seconds() -> float:
    return boottime() / 1e9


class RevisionSource:
    """A store in a DynamoDB table; ``plain`` reads it without its revision.

    ``interval`` is in seconds from poll to poll, ``full_interval`` from full reading to full
    reading.  ``label`` names the store in the log.
    """

    def __init__(
        self,
        plain: StoreSource,
        *,
        full_interval: float,
        interval: float,
        label: str = "",
        clock: Callable[[], float] = _seconds,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        self._plain = plain
        self._label = label or f"store {plain.store!r}"
        self._full_interval = full_interval
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._watch = Watch()
        self._state = State()
        self._newest = 0  # the number of the reading that started last
        self._lock = Lock()
        self._quiet: Table | None = None

    def read(
        self, progress: Progress, *, full: bool = False, served: Served | None = None
    ) -> Reading:
        """Return the store as it is known after this poll; see ``Source``.

        Raise what StoreSource raises, and if nothing is known yet, ImportPending and
        StoreUnsettled.
        """
        with self._lock:
            self._newest += 1
            number, state = self._newest, self._state
        table = self._plain.table()
        if state.known is None and not full and self._clock() < state.look_at:
            return self._read_plainly(progress, state)
        if state.known is None and served is not None:
            state = self._resumed(served, table)
            self._leave(number, state)
        if due := state.known is not None and self._clock() >= state.full_at:
            # Before it is tried: it may fail in any way, or never end.
            self._leave(number, replace(state, full_at=self._clock() + self._full_pause()))
        read_at = time.time_ns()
        reads = self._plain.reads(self._quiet_one(table), progress, self._sleep)
        delay = Delay(state, self._interval, self._clock)
        try:
            found = follow(
                reads,
                state.known,
                full=full or due,
                strong=state.doubts > 0,
                doubtful=state.doubtful,
                dead=self._is_dead,
                later=delay.reason,
            )
        except RevisionDenied as denied:
            found = Followed(How.PLAIN, None, None, str(denied.error))
        except CredentialsRefused:
            table.on_refused(table)
            raise
        finally:
            self._plain.count(reads)
        if found.how is How.PLAIN:
            state = self._without(state, found)
            self._leave(number, state)
            return self._read_plainly(progress, state)
        if state.note and state.known is None:
            log.info("%s: its revision is followed", self._label)
        state = self._after(state, found, reads, table, delay)
        self._leave(number, state)
        return self._reading(state, found, reads, read_at)

    def _leave(self, number: int, state: State) -> None:
        with self._lock:
            # An abandoned reading may end after a later one started, and must not replace it.
            if number == self._newest:
                self._state = state

    def _quiet_one(self, table: Table) -> Table:
        """Return the table; without a permission, keep its client: another would lack it, too."""
        if self._quiet is None or self._quiet.client is not table.client:
            self._quiet = copy(table)
            self._quiet.on_refused = lambda table: None
        return self._quiet

    def _is_dead(self, pending: Pending) -> bool:
        return self._watch.still_for(pending, self._clock()) >= DEAD

    def _full_pause(self) -> float:
        return min(_FULL_PAUSE, self._jittered(self._full_interval))

    def _jittered(self, seconds: float) -> float:
        return seconds * random.uniform(0.9, 1.1)

    # --- with a revision -------------------------------------------------------------------------

    def _resumed(self, served: Served, table: Table) -> State:
        """Return the state to begin with: what an earlier daemon left counts as read.

        Its digest is computed, so a revision confirms it only if it is what it seems to be.
        """
        options = self._plain.packer_for(table).adopt(served.options)
        total = total_of(options)
        known = Known(served.epoch, served.revision, digest_of(total), options, total)
        # Spread, because the daemons of many hosts are upgraded together.
        left = random.uniform(0.0, self._full_interval)
        full_at = self._clock() + min(left, self._full_interval - served.full_age)
        units = sum(map(len, options.values())) / _UNIT
        return State(known=known, full_at=full_at, units=units)

    def _after(
        self, state: State, found: Followed, reads: StoreReads, table: Table, delay: Delay
    ) -> State:
        """Return what this poll leaves to the next one."""
        now = self._clock()
        known = found.known
        if known is not None and found.how in (How.LOG, How.CHANGES):
            known = replace(known, options=self._plain.packer_for(table).adopt(known.options))
        doubts, full_at, vain = state.doubts, state.full_at, None
        if found.how in _PROVED:
            if reads.whole or doubts:
                full_at = now + self._jittered(self._full_interval)
            doubts = 0
        elif found.how in (How.DOUBT, How.UNSETTLED):
            doubts += 1
            full_at = now + pause_in_doubt(doubts, self._jittered(self._full_interval))
        elif found.how is How.PENDING:
            full_at = now + self._full_pause()
        elif found.how is How.WAITING:
            vain = state.vain
        if found.how in (How.UNSETTLED, How.PENDING) and known is not None:
            assert found.revision is not None
            if not known.is_at(found.revision):
                # Polls do not read it again until then: each reader can request one a second.
                full_at = min(full_at, now + self._full_pause())
                vain = mark_of(found.revision), found.reason
        return State(
            known=known,
            skipped=reads.skipped if reads.whole else state.skipped,
            how=found.how.value if found.how in _NEWS else state.how,
            full_at=full_at,
            units=reads.units if reads.whole else state.units,
            doubts=doubts,
            doubtful=found.doubtful if reads.whole else state.doubtful,
            read_at=delay.until if found.how is How.WAITING else None,
            vain=vain,
        )

    def _reading(self, state: State, found: Followed, reads: StoreReads, read_at: int) -> Reading:
        known, revision = state.known, found.revision
        assert revision is not None
        if known is None:
            place = reads.place
            kind = ImportPending if found.how is How.PENDING else StoreUnsettled
            raise kind(place.table, place.store, f"{found.reason}; nothing is known of it yet")
        provenance = Provenance(
            epoch=known.epoch,
            revision=known.rev,
            table_revision=revision.rev,
            how=state.how,
            note=found.reason,
            in_doubt=not known.proved,
        )
        return Reading(
            known.options,
            read_at,
            self._plain.origin,
            state.skipped,
            confirmed=known.is_at(revision),
            whole=reads.whole,
            units=self._plain.take_units(),
            again_in=self._again_in(state),
            provenance=provenance,
        )

    def _again_in(self, state: State) -> float | None:
        """Return in how many seconds to read again, if that does not wait for the next poll."""
        at = state.full_at if state.doubts in (1, 2) else state.read_at
        return None if at is None else max(0.0, at - self._clock())

    # --- without ---------------------------------------------------------------------------------

    def _without(self, state: State, found: Followed) -> State:
        """Return the state after a poll that found no revision to follow."""
        if state.known is not None:
            # Newer options may be served than were read last without a revision.
            self._plain.forget()
        # While the first revision is being made, each poll looks whether it is there.
        pause = 0.0 if found.revision is not None else self._jittered(self._full_interval)
        expected = found.reason in (NO_ITEM, NO_PLACE) or found.revision is not None
        if found.reason != state.note and (state.known is not None or not expected):
            text = "%s: its revision is not followed: %s; each poll reads the whole store"
            log.warning(text, self._label, found.reason)
        return State(look_at=self._clock() + pause, note=found.reason)

    def _read_plainly(self, progress: Progress, state: State) -> Reading:
        reading = self._plain.read(progress)
        return replace(reading, provenance=Provenance(how=How.PLAIN.value, note=state.note))
