"""The publisher: the one writer of a store's shared memory.

Nothing that a reader may have is ever rewritten: a snapshot segment is complete before its
generation is announced, and announcing is one store of one word.  So a publisher may be killed
between any two instructions.  What it leaves then, an unannounced or an unlinked-too-late segment,
is removed by the next one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from threading import Lock

import posix_ipc

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.layout.names import Names
from ddbcfg_client.layout.page import RETIRED, PageStatus
from ddbcfg_client.segment import SHM_DIR, Gone, Page, Segment, Trust
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_client.status import is_running
from ddbcfg_daemon.errors import PublishError, WriterLocked
from ddbcfg_daemon.image import Image, ImageBuilder
from ddbcfg_daemon.objects import Access, create, make_semaphore, path_of, unlink, write
from ddbcfg_daemon.page import WritablePage
from ddbcfg_daemon.requests import Requests
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
        # The last segment that was replaced, open until the next poll.  Who closes one last frees
        # its memory, which takes milliseconds if it is large: that must not be a read.
        self._replaced: Segment | None = None
        self._builder = ImageBuilder()
        # What is published, as far as this publisher knows: not what an earlier one left.
        self._options: Mapping[str, bytes] | None = None
        self._respect_who_serves()
        self._lock = self._take_lock()
        try:
            self._take_over()
        except BaseException:
            self._lock.release()
            raise

    def _respect_who_serves(self) -> None:
        """Raise WriterLocked when a daemon that readers trust is at it, whoever's it is.

        Its lock says so to its own user; root could put its own objects in the place of another's.
        """
        status = self._status_of_page()
        if status.daemon_pid != os.getpid() and is_running(status.daemon_pid, status.daemon_start):
            raise WriterLocked(self.names.store, self.names.lock, status.daemon_pid)

    def _take_lock(self) -> WriterLock:
        try:
            return WriterLock(self.names)
        except WriterLocked as error:
            status = self._status_of_page()
            raise WriterLocked(error.store, error.name, status.daemon_pid) from None

    def _status_of_page(self) -> PageStatus:
        try:
            return Page(self.names, Trust()).status()
        except (Gone, ConfigError):
            return PageStatus()

    def _take_over(self) -> None:
        """Go on where the last publisher stopped, whatever stopped it."""
        # The lock's name may have been removed while its holder lives: the page knows him.
        self._respect_who_serves()
        page = WritablePage.adopt(self.names, self._access)
        self._semaphore = make_semaphore(self.names.semaphore, 0o600, -1, 1)
        self.requests = Requests(self.names, self._access)
        self._page = page or WritablePage.create(self.names, self._access)
        self._current = self._whole(self._page.generation) or self._recover()
        # Generations go on growing, past every segment that is left of a page that is gone.
        self._last = max([self._page.generation, *self._segments()])
        self._sweep()

    def _whole(self, generation: int) -> Segment | None:
        """The segment of *generation* if it is there and every byte of it checks out."""
        try:
            segment = Segment(self.names.segment(generation), generation, Trust())
            Snapshot(segment, self.names.store, {}).verify()
            # It was published by a daemon that may have been told otherwise who may read.
            segment.apply(self._access.apply)
        except (Gone, ConfigError):
            return None
        return segment

    def _recover(self) -> Segment | None:
        """The newest whole segment past what the page says, made current; None without one.

        There is one when somebody removed the page, or the last publisher was killed just before
        it would have announced it.
        """
        for generation in sorted(self._segments(), reverse=True):
            segment = self._whole(generation) if generation > self._page.generation else None
            if segment:
                with self._semaphore:
                    self._at("announce")
                    self._page.announce(generation)
                return segment
        return None

    def _segments(self) -> list[int]:
        """The generations of this user's segments of the store in /dev/shm."""
        found = []
        for file in os.listdir(SHM_DIR):
            generation = self.names.generation_of(f"/{file}")
            if generation is None or generation >= RETIRED:
                continue
            # A neighbour may give a file any generation, and it could not be removed.
            with suppress(FileNotFoundError):
                status = path_of(f"/{file}").lstat()
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                    found.append(generation)
        return found

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
            options = reading.options
            if options == self._options:
                return False
            image = self._builder.build(
                self._last + 1, options, read_at=reading.read_at, source=reading.source
            )
            if self._current is not None and self._current.header.digest == image.header.digest:
                self._options = options
                return False
            previous = self._page.generation
            # Not known until it is announced; and a step that fails after that leaves it unknown.
            self._options = None
            self._publish(image)
            self._options = options
            # A reader that comes late for this name looks at the page again.
            if previous:
                self._at("unlink")
                unlink(self.names.segment(previous))
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
            current = Segment(name, generation, Trust())
        except BaseException:
            unlink(name)
            raise
        finally:
            os.close(fd)
        self._last = generation
        self._at("acquire")
        try:
            self._semaphore.acquire(_SEMAPHORE_TIMEOUT)
        except posix_ipc.Error as error:
            unlink(name)
            raise PublishError(f"semaphore {self.names.semaphore}: {error}") from None
        try:
            self._at("announce")
            self._page.announce(generation)
            self._replaced, self._current = self._current, current
        finally:
            self._at("release")
            self._semaphore.release()

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
        """Put right what somebody removed or replaced; what that was.  To be called at each poll.

        Raises WriterLocked when another daemon took over meanwhile, and PublishError.
        """
        with self._busy:
            self._check_open()
            self._replaced = None
            self._lock.renew()
            missing = []
            if not self._page.in_place():
                missing.append("the control page")
                self._replace_page()
            elif self._current and not path_of(self._current.name).exists():
                missing.append("the snapshot segment")
                self._publish(self._copy_of_current(self._current))
                self._sweep()
            if self.requests.renew():
                missing.append("the request semaphores")
            return missing

    def _replace_page(self) -> None:
        old, current = self._page, self._current
        self._at("new page")
        page = WritablePage.create(self.names, self._access)
        page.report(old.status())
        self._page = page
        try:
            if current:
                self._publish(self._copy_of_current(current))
        except BaseException:
            self._page = old  # not in place: the next poll tries again
            raise
        # Last: a reader that sees it finds the new page in place and filled.
        self._at("retire")
        old.retire()
        self._sweep()

    def _copy_of_current(self, current: Segment) -> Image:
        """The current content as a new generation: names that were removed are not used again."""
        header = copy(current.header)
        rest = current.read(header.slots_at, header.size - header.slots_at)
        header.generation = self._last + 1
        return Image(header, [rest])

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
            self._page.announce(0)
            self._page.retire()
            unlink(self.names.page)
            for generation in self._segments():
                unlink(self.names.segment(generation))
            self.requests.remove()
            path_of(self.names.semaphore, semaphore=True).unlink(missing_ok=True)
            # Last, and still held: what has these names from here on is a newcomer's.
            unlink(self.names.lock)
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._replaced = None
        status = self._page.status()
        status.daemon_pid = status.daemon_start = 0
        self._page.report(status)
        self._semaphore.close()
        self._lock.release()
