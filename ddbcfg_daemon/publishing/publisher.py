"""The publisher: the one writer of a store's shared memory, from its take-over to its end."""

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
from ddbcfg_daemon.sources.base import Reading


def _nothing(step: str) -> None:
    pass


class Publisher:
    """Serves one store from construction to :meth:`close`.

    Raises WriterLocked when another daemon does, ForeignObject when somebody's object is in the
    way.  ``listen`` is given the sockets that requests come to; without it there are none.  ``at``
    is called with the name of each step before it is taken; tests stop there.
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
        self._options: Mapping[str, bytes] | None = None  # that are published, if known
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
        """The current generation; 0 when nothing is published."""
        return self._store.page.generation

    @property
    def snapshot(self) -> Snapshot | None:
        """What is published; None when nothing is, or it was damaged."""
        return self._store.snapshot

    def advance(self, generation: int) -> None:
        """Go on after *generation*, which an earlier daemon reached before a reboot."""
        self._store.advance(generation)

    def status(self) -> PageStatus:
        """Return what the last daemon reported, or this one since it did."""
        return copy(self._store.reported)

    # --- publishing ------------------------------------------------------------------------------

    def publish(self, reading: Reading) -> bool:
        """Publish what was read, unless it is what is published; return whether it was new.

        Raises PublishError, and nothing has changed then.
        """
        with self._busy:
            self._check_open()
            if reading.options == self._options:
                return False
            self._options = None  # not known until it is done: a step that fails leaves it unknown
            about = About(reading.read_at, reading.read_boottime, reading.source)
            news = self._store.publish(reading.options, about)
            self._options = reading.options
            return news

    def report(self, status: PageStatus) -> None:
        """Show every reader *status*; what is about generations is filled in here."""
        with self._busy:
            self._check_open()
            self._at("report")
            self._store.report(status)

    def verify(self) -> list[str]:
        """Put right what somebody removed or replaced; return what that was.

        To be called at each poll.  Raises WriterLocked when another daemon took over meanwhile, and
        PublishError.
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
        """Stop serving.  What is published stays, and its readers go on."""
        with self._busy:
            if not self._closed:
                self._close()

    def remove(self) -> None:
        """Stop serving and take everything away: for stores that live no longer than the daemon."""
        with self._busy:
            if self._closed:
                return
            self._sockets.close()
            self._store.remove()
            # Last, and still held: what has these names from here on is a newcomer's.
            unlink(self.names.lock)
            self._close()

    def _close(self) -> None:
        self._closed = True
        with ExitStack() as stack:
            # Whatever fails: else nobody could serve the store as long as this process lives.
            stack.callback(self._lock.release)
            stack.callback(self._store.close)
            self._sockets.close()
            if self._lock.held:  # else the page can be another daemon's by now
                status = copy(self._store.reported)
                status.daemon_pid = status.daemon_start = status.daemon_pidns = 0
                self._store.report(status)
