"""The control page, mapped for writing by its only writer."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from mmap import mmap

from ddbcfg_client.format import LAYOUT_VERSION
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import (
    GENERATION_WORD,
    LAYOUT_WORD,
    MAGIC_WORD,
    PAGE_MAGIC,
    PAGE_SIZE,
    RETIRED,
    PageStatus,
    new_page,
    read_status,
    words_of,
    write_status,
)
from ddbcfg_daemon.publishing.objects import (
    Access,
    allocate,
    create_exclusively,
    path_of,
    put_in_place,
    temporary,
    unlink,
    write,
)


class WritablePage:
    """A control page mapped for writing.  Made by ``create`` or ``adopt``."""

    def __init__(self, names: Names, fd: int, hidden: str = "") -> None:
        self._hidden = hidden  # the temporary name, until the page is put in place
        status = os.fstat(fd)
        mapping = mmap(fd, PAGE_SIZE)
        self._fd = os.dup(fd)  # a replaced page has no name by which it could be opened again
        self._names = names
        self._identity = (status.st_dev, status.st_ino)
        self._bytes = memoryview(mapping)
        self._words: memoryview = words_of(self._bytes)

    def __del__(self) -> None:
        fd = getattr(self, "_fd", -1)  # not set if the page could not be mapped
        if fd >= 0:
            os.close(fd)

    @classmethod
    def create(
        cls, names: Names, access: Access, reclaim: Callable[[], int | None]
    ) -> WritablePage:
        """Create a new page without a generation; readers find it only after ``put_in_place``.

        Raise NoSpace and ShmRefused; see ``allocate`` for ``reclaim``.
        """
        hidden = temporary(names)
        fd = create_exclusively(hidden, access)
        try:
            allocate(fd, names.page, PAGE_SIZE, reclaim)
            write(fd, [new_page()])
            access.apply(fd)
            page = cls(names, fd, hidden)
        except BaseException:
            unlink(hidden)
            raise
        finally:
            os.close(fd)
        page._words[MAGIC_WORD] = PAGE_MAGIC
        return page

    def put_in_place(self) -> None:
        """Rename a new page to the store's name; raise ForeignObject.

        Called when the page is complete: a reader may read a page as soon as it finds the page.
        """
        if self._hidden:
            put_in_place(self._hidden, self._names.page)
            self._hidden = ""

    def discard(self) -> None:
        """Remove the page unless it was put in place."""
        if self._hidden:
            unlink(self._hidden)

    @classmethod
    def adopt(cls, names: Names, access: Access) -> WritablePage | None:
        """Return the page that an earlier daemon of this user left; None if there is no usable one.

        A page with another layout is retired, so that its readers look for the next page.
        """
        try:
            flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            fd = os.open(path_of(names.page), flags)
        except OSError:
            return None  # missing, or not ours: put_in_place() reports a foreign object
        try:
            status = os.fstat(fd)
            if (
                not stat.S_ISREG(status.st_mode)
                or status.st_uid != access.uid
                or status.st_mode & 0o022  # others could truncate it, which kills its readers
                or status.st_size != PAGE_SIZE
            ):
                return None
            access.apply(fd)
            page = cls(names, fd)
        finally:
            os.close(fd)
        if page._words[MAGIC_WORD] != PAGE_MAGIC or page._words[GENERATION_WORD] & RETIRED:
            return None
        if page._words[LAYOUT_WORD] != LAYOUT_VERSION:
            page.retire()
            return None
        return page

    @property
    def generation(self) -> int:
        """The announced generation; 0 if there is none."""
        return self._words[GENERATION_WORD] & ~RETIRED

    def announce(self, generation: int) -> None:
        """Make ``generation`` current, and wake the processes that wait for it.

        Called last: a reader that sees the new generation finds its segment complete.
        """
        self._words[GENERATION_WORD] = generation
        self._wake()

    def retire(self) -> None:
        """Make every reader attach again; called after the new page is in place."""
        self._words[GENERATION_WORD] |= RETIRED
        self._wake()

    def _wake(self) -> None:
        """Wake the processes that watch the page with inotify.

        A store through a mapping raises no event; a change of the file's times does.  Nobody needs
        to be woken for the generation to be published, so a failure is ignored: waiting processes
        look once a second.
        """
        with suppress(OSError):
            os.utime(self._fd)

    def status(self) -> PageStatus:
        """Return the last status written with ``report``; an empty one if it is damaged."""
        try:
            return read_status(self._bytes, self._words)
        except ValueError:
            return PageStatus()

    def report(self, status: PageStatus) -> None:
        """Write the daemon's status to the unused slot, and make that slot current."""
        write_status(self._bytes, self._words, status)

    def in_place(self) -> bool:
        """Return whether the store's name still refers to this page."""
        try:
            there = path_of(self._names.page).lstat()
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == self._identity
