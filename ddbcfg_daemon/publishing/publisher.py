"""The publisher: the one writer of a store's shared memory.

Nothing that a reader may have is ever rewritten: a snapshot segment is complete before its
generation is announced, and announcing is one store of one word.  So a publisher may be killed
between any two instructions.  What it leaves then, an unannounced or an unlinked-too-late segment,
is removed by the next one.
"""

from __future__ import annotations

import logging
import os
import random
import stat
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from copy import copy
from itertools import chain
from threading import Lock

import posix_ipc

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import RETIRED, PageStatus
from ddbcfg_client.memo import Memo
from ddbcfg_client.shm.daemon_socket import daemon_is_listening
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.status import daemon_state
from ddbcfg_client.shm.trust import SHM_DIR, Gone, Trust
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.errors import ForeignObject, PublishError, WriterLocked
from ddbcfg_daemon.publishing.objects import (
    Access,
    allocate,
    create,
    make_semaphore,
    path_of,
    sweep_temporary,
    unlink,
    write,
)
from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.replaced import ReplacedSegments
from ddbcfg_daemon.publishing.request_sockets import Listen, RequestSockets
from ddbcfg_daemon.publishing.writer_lock import WriterLock
from ddbcfg_daemon.sources.base import Reading

log = logging.getLogger("ddbcfg.daemon")

# How long to wait for the semaphore.  Only this daemon and an operator's tool can hold it, since
# the mode is 0600 and the writer lock is ours.
_SEMAPHORE_TIMEOUT = 1.0
_NUMBERS_TRIED = 100  # for a new segment, when somebody's files have their names
_SKIP = 1 << 20  # numbers skipped at most by one try: a stranger cannot guess which is next


def _nothing(step: str) -> None:
    pass


def _begin(status: PageStatus, generation: int) -> None:
    """Note in *status* that *generation* follows the one that is in it."""
    status.previous_generation, status.previous_success = status.generation, status.success
    status.generation = generation


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
        self._trust = Trust() if self._access.owner == -1 else Trust(self._access.owner)
        self._at = at
        self._busy = Lock()  # close() may come from another thread than publish()
        self._closed = False
        self._replaced = ReplacedSegments(names)
        # What is published: the open segment, what it was made of, and the names that changed.
        self._current: Segment | None = None
        self._content = PackedStore.of({})
        self._changes = ChangeLog(0)
        self._options: Mapping[str, bytes] | None = None
        self._sockets = RequestSockets(names, self._access, listen)
        self._respect_who_serves()
        self._lock = self._take_lock()
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            self._take_over(undo)
            undo.pop_all()

    def _respect_who_serves(self) -> None:
        """Raise WriterLocked when a daemon that readers trust serves the store, whoever runs it.

        Its lock says so to its own user; root could put its own objects in the place of another's.
        Where the page cannot say whether it runs, in another PID namespace or with the page
        removed, its socket does.
        """
        status = self._status_of_page()
        match daemon_state(status):
            case "running":
                serves = status.daemon_pid != os.getpid()
            case "gone":
                return
            case _:
                serves = daemon_is_listening(self.names, self._trust)
        if serves:
            raise self._locked(status)

    def _locked(self, status: PageStatus) -> WriterLocked:
        # A number from another PID namespace would mean some other process here.
        pid = 0 if daemon_state(status) == "hidden" else status.daemon_pid
        return WriterLocked(self.names.store, self.names.lock, pid)

    def _take_lock(self) -> WriterLock:
        try:
            return WriterLock(self.names, self._access)
        except WriterLocked:
            raise self._locked(self._status_of_page()) from None

    def _status_of_page(self) -> PageStatus:
        try:
            return Page(self.names, self._trust).status()
        except (Gone, ConfigError):
            return PageStatus()

    def _take_over(self, undo: ExitStack) -> None:
        """Go on where the last publisher stopped, whatever stopped it.

        *undo* gets what is to be done if that fails.
        """
        # The lock's name may have been removed while its holder lives: the page knows him.
        self._respect_who_serves()
        sweep_temporary(self.names)
        page = WritablePage.adopt(self.names, self._access)
        self._semaphore = make_semaphore(self.names.semaphore, self._access)
        undo.callback(self._semaphore.close)  # it is memory of /dev/shm, whatever its name says
        self._sockets.open()
        undo.callback(self._sockets.close)
        announced = 0 if page is None else page.generation
        self._current = self._whole(announced) or self._newest_after(announced)
        current = announced if self._current is None else self._current.header.generation
        # Room for a new page is taken from these, and not from what it is to lead to.
        self._forget_all_but(current)
        self._page = page or WritablePage.create(self.names, self._access, self._replaced.reclaim)
        undo.callback(self._page.discard)
        if current != announced:
            with self._semaphore:
                self._at("announce")
                self._page.announce(current)
        self._page.put_in_place()
        # Generations go on growing, past every segment that is left of a page that is gone.
        self._last = max([current, *self._segments()])
        self._at("unlink")
        self._replaced.release()
        self._reported = self._page.status()
        if self._current is not None and self._reported.generation != current:
            # Killed after the announcement and before the report that follows it.
            header = self._current.header
            _begin(self._reported, current)
            self._reported.success = header.read_boottime
            self._reported.success_unix = header.read_at

    def _whole(self, generation: int) -> Segment | None:
        """The segment of *generation* if it is there and every byte of it checks out."""
        try:
            segment = Segment(self.names.segment(generation), generation, self._trust)
            snapshot = Snapshot(segment, self.names.store, Memo())
            options = snapshot.packed()
            # It was published by a daemon that may have been told otherwise who may read.
            segment.apply(self._access.apply)
        except (Gone, ConfigError):
            return None
        self._content, self._changes = PackedStore.of(options), snapshot.changes()
        return segment

    def _newest_after(self, announced: int) -> Segment | None:
        """Return the newest whole segment past the *announced* one; None without one.

        There is one when somebody removed the page, or the last publisher was killed just before
        it would have announced it.
        """
        for generation in sorted(self._segments(), reverse=True):
            segment = self._whole(generation) if generation > announced else None
            if segment:
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
                if stat.S_ISREG(status.st_mode) and status.st_uid == self._access.uid:
                    found.append(generation)
        return found

    def _forget_all_but(self, current: int) -> None:
        """Have every other segment removed as soon as no reader holds it."""
        for generation in self._segments():
            if generation != current:
                self._replaced.add(generation)

    def _sweep(self) -> None:
        self._forget_all_but(self._page.generation)
        self._at("unlink")
        self._replaced.release()

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
        return Snapshot(self._current, self.names.store, Memo())

    def advance(self, generation: int) -> None:
        """Go on after *generation*, which an earlier daemon reached before a reboot."""
        self._last = max(self._last, generation)

    def status(self) -> PageStatus:
        """Return what the last daemon reported, or this one since it did."""
        return copy(self._reported)

    # --- publishing ------------------------------------------------------------------------------

    def publish(self, reading: Reading) -> bool:
        """Publish what was read, unless it is what is published; return whether it was new.

        Raises PublishError, and nothing has changed then.
        """
        with self._busy:
            self._check_open()
            if reading.options == self._options:
                return False
            content = self._content.follow(reading.options)
            if self._current is None or any(content.differences):
                about = About(reading.read_at, reading.read_boottime, reading.source)
                self._publish(content, about)
                news = True
            else:
                news = False
            self._content, self._options = content, reading.options
            return news

    def _publish(self, content: PackedStore, about: About) -> None:
        """Make *content* current as a new generation."""
        self._at("create")
        generation, fd = self._reserve()
        name = self.names.segment(generation)
        if self._current is None:
            changes = ChangeLog(generation)
        else:
            changes = self._changes.then((generation, *content.differences))
        try:
            image = content.image(generation, about, changes)
            allocate(fd, name, image.header.size, self._replaced.reclaim)
            self._at("write")
            write(fd, chain([image.header.pack()], image.parts()))
            self._at("mode")
            self._access.apply(fd)
            try:
                current = Segment(name, generation, self._trust)
            except Gone:
                raise PublishError(f"{name} was removed while it was published") from None
        except BaseException:
            unlink(name)
            raise
        finally:
            os.close(fd)
        self._last = generation
        previous = self._page.generation
        # Not known until all of this is done: a step that fails leaves it unknown.
        self._options = None
        try:
            self._acquire()
        except BaseException:
            unlink(name)
            raise
        try:
            self._at("announce")
            self._page.announce(generation)
            self._current, self._content, self._changes = current, content, changes
        finally:
            self._at("release")
            self._semaphore.release()
        if previous:
            # Freed at the next poll, before it reads: it takes milliseconds, and readers still have
            # to move on from it.
            self._replaced.add(previous)

    def _reserve(self) -> tuple[int, int]:
        """Make the next segment, empty: its generation and descriptor.

        A generation only has to grow.  Where somebody's file has the next one's name it is
        skipped, by chance and not by one, so that nobody can be there first each time.
        """
        generation = self._last + 1
        for _ in range(_NUMBERS_TRIED):
            try:
                return generation, create(self.names.segment(generation), self._access)
            except ForeignObject as error:
                log.warning("%s; another generation is taken", error)
                refused = error
            generation += random.randint(1, _SKIP)
        raise refused

    def _acquire(self) -> None:
        """Take the semaphore; a new one if its holder does not let go of it.

        The writer lock says who may publish.  So whoever has the semaphore was killed with it, or
        is an operator's tool that is stuck.
        """
        self._at("acquire")
        try:
            self._semaphore.acquire(_SEMAPHORE_TIMEOUT)
            return
        except posix_ipc.BusyError:
            log.warning("the semaphore %s was left held; it is made anew", self.names.semaphore)
        except posix_ipc.Error as error:
            log.warning("semaphore %s: %s; it is made anew", self.names.semaphore, error)
        self._semaphore.close()
        self._semaphore = make_semaphore(self.names.semaphore, self._access)
        self._semaphore.acquire(_SEMAPHORE_TIMEOUT)

    def report(self, status: PageStatus) -> None:
        """Show every reader *status*; what is about generations is filled in here."""
        with self._busy:
            self._check_open()
            self._at("report")
            self._report(status)

    def _report(self, status: PageStatus) -> None:
        before = self._reported
        if before.generation != self._page.generation:
            before = copy(before)
            _begin(before, self._page.generation)
        status.generation = before.generation
        status.previous_generation = before.previous_generation
        status.previous_success = before.previous_success
        status.held_bytes = self._replaced.held_bytes()
        self._page.report(status)
        self._reported = copy(status)

    def _check_open(self) -> None:
        if self._closed:
            raise PublishError(f"the publisher of store {self.names.store!r} is closed")

    # --- staying the publisher -------------------------------------------------------------------

    def verify(self) -> list[str]:
        """Put right what somebody removed or replaced; return what that was.

        To be called at each poll.  Raises WriterLocked when another daemon took over meanwhile, and
        PublishError.
        """
        with self._busy:
            self._check_open()
            self._lock.renew()
            self._replaced.release()
            missing = []
            if not self._page.in_place():
                missing.append("the control page")
                self._replace_page()
            elif self._current and not self._current.has_name():
                missing.append("the snapshot segment")
                self._publish_again(self._current)
                self._sweep()
            if self._sockets.renew():
                missing.append("the request sockets")
            return missing

    def _replace_page(self) -> None:
        old, current = self._page, self._current
        self._at("new page")
        page = WritablePage.create(self.names, self._access, self._replaced.reclaim)
        self._page = page
        try:
            # Its segment is as good as it was, and there may be no room for another.
            if current and current.has_name():
                self._at("announce")
                page.announce(current.header.generation)
            elif current:
                self._publish_again(current)
            self._report(copy(self._reported))
            page.put_in_place()
        except BaseException:
            page.discard()
            self._page = old  # not in place: the next poll tries again
            raise
        # Last: a reader that sees it finds the new page in place and filled.
        self._at("retire")
        old.retire()
        self._sweep()

    def _publish_again(self, current: Segment) -> None:
        """Publish the current content as a new generation; a removed name is not used again."""
        snapshot = Snapshot(current, self.names.store, Memo())
        same = self._content.follow(dict(self._content.options()))
        header = current.header
        self._publish(same, About(header.read_at, header.read_boottime, snapshot.source))

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
            self._page.announce(0)
            self._page.retire()
            unlink(self.names.page)
            for generation in self._segments():
                unlink(self.names.segment(generation))
            path_of(self.names.semaphore, semaphore=True).unlink(missing_ok=True)
            # Last, and still held: what has these names from here on is a newcomer's.
            unlink(self.names.lock)
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._sockets.close()
        if self._lock.held:  # else the page can be another daemon's by now
            status = copy(self._reported)
            status.daemon_pid = status.daemon_start = status.daemon_pidns = 0
            self._report(status)
        self._current = None
        self._replaced.release()
        self._semaphore.close()
        self._lock.release()
