"""The publisher: the only writer of a store's shared memory, from takeover to close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from copy import copy
from threading import Lock

from ddbcfg_client.format.about import About
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.errors import PublishError
from ddbcfg_daemon.publishing.objects import Access, sweep_temporary, unlink
from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.repair import repair
from ddbcfg_daemon.publishing.request_sockets import Listen, RequestSockets
from ddbcfg_daemon.publishing.takeover import take_lock, take_over
from ddbcfg_daemon.sources.base import Provenance, Reading


def _nothing(step: str) -> None:
    pass


def _about(reading: Reading) -> About:
    found = reading.provenance
    if found.in_doubt:  # not what the table has a revision of
        found = Provenance()
    times = reading.read_at, reading.read_boottime
    return About(*times, reading.source, found.revision, found.epoch, reading.layers)


class Publisher:
    """Serves one store from construction to ``close``.

    Raises WriterLocked if another daemon serves it, and ForeignObject if another user's object has
    one of the names.  ``listen`` is called with the request sockets; without it, none are created.
    ``at`` is called with the name of each step before the step; tests stop there.
    """

    def __init__(
        self,
        names: Names,
        access: Access | None = None,
        *,
        listen: Listen | None = None,
        at: Callable[[str], None] = _nothing,
    ) -> None:
        self.names = names
        self._access = access or Access()
        self._at = at
        self._busy = Lock()  # close() may come from another thread than publish()
        self._closed = False
        self._options: Mapping[str, bytes] | None = None  # the published ones; None if unknown
        trust = Trust() if self._access.owner == -1 else Trust(self._access.owner)
        self._sockets = RequestSockets(names, self._access, listen)
        self._lock = take_lock(names, self._access, trust)
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            sweep_temporary(names)
            self._sockets.open()
            undo.callback(self._sockets.close)
            self._store = take_over(names, self._access, trust, at)
            undo.pop_all()

    # --- what is published -----------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The current generation; 0 if nothing is published."""
        return self._store.page.generation

    @property
    def snapshot(self) -> Snapshot | None:
        """The published snapshot; None if there is none, or it is damaged."""
        return self._store.snapshot

    @property
    def options(self) -> Mapping[str, bytes] | None:
        """The published options, name to packed keys; None if nothing is published."""
        return None if self._store.is_empty else self._store.options()

    def advance(self, generation: int) -> None:
        """Continue after ``generation``, which an earlier daemon reached before a reboot."""
        self._store.advance(generation)

    def status(self) -> PageStatus:
        """Return a copy of the last reported status, at first the one of the previous daemon."""
        return copy(self._store.reported)

    # --- publishing ------------------------------------------------------------------------------

    def publish(self, reading: Reading) -> bool:
        """Publish ``reading`` unless it is published already; return whether it was new.

        Raise PublishError; the published snapshot is unchanged then.
        """
        with self._busy:
            self._check_open()
            if reading.options is self._options:
                return False
            self._options = None  # stays unknown if a step fails
            news = self._store.publish(reading.options, _about(reading))
            self._options = reading.options
            return news

    def report(self, status: PageStatus) -> None:
        """Publish ``status`` to readers; the fields about generations are filled in here."""
        with self._busy:
            self._check_open()
            self._at("report")
            self._store.report(status)

    def verify(self) -> list[str]:
        """Recreate objects that were removed or replaced; return what they were.

        Called at each poll.  Raise WriterLocked if another daemon has taken over, and PublishError.
        """
        with self._busy:
            self._check_open()
            self._lock.renew()
            self._store.release()
            return repair(self._store, self._sockets, self._new_page)

    def _new_page(self) -> WritablePage:
        return WritablePage.create(self.names, self._access, self._store.reclaim)

    def _check_open(self) -> None:
        if self._closed:
            raise PublishError(f"the publisher of store {self.names.store!r} is closed")

    # --- ending ----------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop serving.  The published snapshot stays, and readers can still read it."""
        with self._busy:
            if not self._closed:
                self._close()

    def remove(self) -> None:
        """Stop serving and remove everything: for a store that ends with the daemon."""
        with self._busy:
            if self._closed:
                return
            self._sockets.close()
            self._store.remove()
            # Last, while the lock is held: after this, the names may belong to another daemon.
            unlink(self.names.lock)
            self._close()

    def _close(self) -> None:
        self._closed = True
        with ExitStack() as stack:
            # Even if a step fails: otherwise the store would stay locked until this process ends.
            stack.callback(self._lock.release)
            stack.callback(self._store.close)
            self._sockets.close()
            if self._lock.held:  # otherwise the page may belong to another daemon now
                status = copy(self._store.reported)
                status.daemon_pid = status.daemon_start = status.daemon_pidns = 0
                self._store.report(status)
