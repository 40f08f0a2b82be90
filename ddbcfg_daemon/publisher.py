"""The publisher: the one writer of a store's shared memory.

Nothing that a reader may have is ever rewritten: a snapshot segment is complete before its
generation is announced, and announcing is one store of one word.  So a publisher may be killed
between any two instructions.  What it leaves then, an unannounced or an unlinked-too-late segment,
is removed by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Lock

import posix_ipc

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.layout.names import Names
from ddbcfg_client.layout.page import PageStatus
from ddbcfg_client.segment import SHM_DIR, Gone, Segment, Trust
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_client.status import is_running
from ddbcfg_daemon.errors import PublishError, WriterLocked
from ddbcfg_daemon.image import Image, build_image
from ddbcfg_daemon.objects import Access, create, make_semaphore, path_of, unlink, write
from ddbcfg_daemon.page import WritablePage
from ddbcfg_daemon.source import Reading
from ddbcfg_daemon.writer_lock import WriterLock

# How long to wait for the semaphore.  Only this daemon and an operator's tool can hold it, since
# the mode is 0600 and the writer lock is ours.
_SEMAPHORE_TIMEOUT = 5.0


def _nothing(step: str) -> None:
    pass


class Publisher:
    """Serves one store from construction to :meth:`close`.

    Raises WriterLocked when another daemon does, ForeignObject when somebody's object is in the
    way.  ``at`` is called with the name of each step before it is taken; tests stop there.
    """

    def __init__(
        self,
        names: Names,
        access: Access | None = None,
        *,
        at: Callable[[str], None] = _nothing,
    ) -> None:
        self.names = names
        self._access = access or Access()
        self._at = at
        self._busy = Lock()  # close() may come from another thread than publish()
        self._closed = False
        self._lock = self._take_lock()
        try:
            self._take_over()
        except BaseException:
            self._lock.release()
            raise

    def _take_lock(self) -> WriterLock:
        try:
            return WriterLock(self.names)
        except WriterLocked as error:
            status = self._status_of_page()
            raise WriterLocked(error.store, error.name, status.daemon_pid) from None

    def _status_of_page(self) -> PageStatus:
        from ddbcfg_client.segment import Page

        try:
            return Page(self.names, Trust()).status()
        except (Gone, ConfigError):
            return PageStatus()

    def _take_over(self) -> None:
        """Go on where the last publisher stopped, whatever stopped it."""
        page = WritablePage.adopt(self.names, self._access)
        if page is not None:
            # The lock's name may have been removed while its holder lives: the page knows him.
            status = page.status()
            if status.daemon_pid != os.getpid() and is_running(
                status.daemon_pid, status.daemon_start
            ):
                raise WriterLocked(self.names.store, self.names.lock, status.daemon_pid)
        self._semaphore = make_semaphore(self.names.semaphore, 0o600, -1, 1)
        self._reload = make_semaphore(
            self.names.reload, self._access.may_ask, self._access.group, 0
        )
        # For the daemon's own user and root: it lets something through that a guard refused.
        self._accept = make_semaphore(self.names.accept, 0o600, -1, 0)
        self._page = page or WritablePage.create(self.names, self._access)
        self._current = self._open_current()
        # Generations go on growing, past every segment that is left of a page that is gone.
        self._last = max([self._page.generation, *self._segments()])
        self._sweep()

    def _open_current(self) -> Segment | None:
        """The announced segment if it is there and every byte of it checks out."""
        generation = self._page.generation
        if not generation:
            return None
        try:
            segment = Segment(self.names.segment(generation), generation, Trust())
            Snapshot(segment, self.names.store, {}).verify()
            # It was published by a daemon that may have been told otherwise who may read.
            segment.apply(self._access.apply)
        except (Gone, ConfigError):
            return None
        return segment

    def _segments(self) -> list[int]:
        """The generations of all segments of this store in /dev/shm."""
        found = (self.names.generation_of(f"/{file}") for file in os.listdir(SHM_DIR))
        return [generation for generation in found if generation is not None]

    def _sweep(self) -> None:
        """Remove every segment but the current one."""
        for generation in self._segments():
            if generation != self._page.generation:
                self._at("unlink")
                unlink(self.names.segment(generation))

    # --- what is published -----------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The current generation; 0 when nothing is published."""
        return self._page.generation

    @property
    def snapshot(self) -> Snapshot | None:
        """What is published; None when nothing is, or it was damaged."""
        if self._current is None:
            return None
        return Snapshot(self._current, self.names.store, {})

    def advance(self, generation: int) -> None:
        """Go on after *generation*, which an earlier daemon reached before a reboot."""
        self._last = max(self._last, generation)

    def status(self) -> PageStatus:
        """How the last daemon fared, or this one since it reported."""
        return self._page.status()

    # --- publishing ------------------------------------------------------------------------------

    def publish(self, reading: Reading) -> bool:
        """Publish what was read, unless it is what is published; whether it was something new.

        Raises PublishError, and nothing has changed then.
        """
        with self._busy:
            self._check_open()
            image = build_image(
                self._last + 1, reading.options, read_at=reading.read_at, source=reading.source
            )
            if self._current is not None and self._current.header.digest == image.header.digest:
                return False
            self._publish(image)
            return True

    def _publish(self, image: Image) -> None:
        generation = image.header.generation
        name = self.names.segment(generation)
        self._at("create")
        fd = create(name, image.header.size)
        try:
            self._at("write")
            write(fd, [image.header.pack(), *image.parts])
            self._at("mode")
            self._access.apply(fd)
        except BaseException:
            unlink(name)
            raise
        finally:
            os.close(fd)
        previous, self._last = self._page.generation, generation
        current = Segment(name, generation, Trust())
        self._at("acquire")
        try:
            self._semaphore.acquire(_SEMAPHORE_TIMEOUT)
        except posix_ipc.Error as error:
            unlink(name)
            raise PublishError(f"semaphore {self.names.semaphore}: {error}") from None
        try:
            self._at("announce")
            self._page.announce(generation)
            self._current = current
        finally:
            self._at("release")
            self._semaphore.release()
        # A reader that comes late for this name looks at the page again.
        if previous:
            self._at("unlink")
            unlink(self.names.segment(previous))

    def report(self, status: PageStatus) -> None:
        """Tell every reader how the daemon fares."""
        with self._busy:
            self._check_open()
            self._at("report")
            self._page.report(status)

    def _check_open(self) -> None:
        if self._closed:
            raise PublishError(f"the publisher of store {self.names.store!r} is closed")

    # --- staying the publisher -------------------------------------------------------------------

    def verify(self) -> list[str]:
        """Put right what somebody removed or replaced; what that was.

        Raises WriterLocked when another daemon took over meanwhile, and PublishError.
        """
        with self._busy:
            self._check_open()
            self._lock.renew()
            missing = []
            if not self._page.in_place():
                missing.append("the control page")
                self._replace_page()
            elif self._current and not path_of(self._current.name).exists():
                missing.append("the snapshot segment")
                self._publish(self._copy_of_current(self._current))
            if not path_of(self.names.reload, semaphore=True).exists():
                missing.append("the reload semaphore")
                self._reload = make_semaphore(
                    self.names.reload, self._access.may_ask, self._access.group, 0
                )
            return missing

    def _replace_page(self) -> None:
        old, current = self._page, self._current
        self._at("new page")
        page = WritablePage.create(self.names, self._access)
        page.report(old.status())
        self._page = page
        if current:
            self._publish(self._copy_of_current(current))
        # Last: a reader that sees it finds the new page in place and filled.
        self._at("retire")
        old.retire()

    def _copy_of_current(self, current: Segment) -> Image:
        """The current content as a new generation: names that were removed are not used again."""
        header = current.header
        rest = current.read(header.slots_at, header.size - header.slots_at)
        header.generation = self._last + 1
        return Image(header, [rest])

    # --- waiting and ending ----------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Sleep for *seconds*, or until somebody asks for a poll; whether somebody did."""
        try:
            self._reload.acquire(max(seconds, 0.0))
        except posix_ipc.BusyError:
            return False
        except posix_ipc.ExistentialError:
            time.sleep(min(seconds, 1.0))
            return False
        self._drain()
        return True

    def _drain(self) -> None:
        # Many who ask at once get one poll.  Bounded: a neighbour may never stop asking.
        for _ in range(1000):
            try:
                self._reload.acquire(0)
            except posix_ipc.BusyError:
                return

    def take_acceptance(self) -> bool:
        """Whether an operator accepted what a guard may refuse; counts once."""
        accepted = False
        while True:
            try:
                self._accept.acquire(0)
            except posix_ipc.BusyError:
                return accepted
            accepted = True

    def nudge(self) -> None:
        """End a :meth:`wait`, from another thread."""
        self._reload.release()

    def close(self) -> None:
        """Stop serving.  What is published stays, and its readers go on."""
        with self._busy:
            if self._closed:
                return
            self._closed = True
            status = self._page.status()
            status.daemon_pid = status.daemon_start = 0
            self._page.report(status)
            self._semaphore.close()
            self._lock.release()

    def remove(self) -> None:
        """Stop serving and take everything away: for stores that live no longer than the daemon."""
        self.close()
        self._page.retire()
        self._page.announce(0)
        for generation in self._segments():
            unlink(self.names.segment(generation))
        for name in (self.names.page, self.names.lock):
            unlink(name)
        for name in (self.names.semaphore, self.names.reload, self.names.accept):
            path_of(name, semaphore=True).unlink(missing_ok=True)
