"""The reader's control page: mapped, so that a read needs no system call."""

from __future__ import annotations

import os
import sys
from mmap import MAP_SHARED, PROT_READ, mmap

from ddbcfg_client.errors import LayoutMismatch, SnapshotCorrupt, SnapshotError
from ddbcfg_client.format import LAYOUT_VERSION, layout_of
from ddbcfg_client.format.page import PAGE_MAGIC, PAGE_SIZE, PageStatus, read_status, words_of
from ddbcfg_client.shm.trust import SHM_DIR, Gone, Trust, open_trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.shm.trust import Identity


class Page:
    """A mapped control page.

    ``words`` is its memory as 64-bit words.  Each word is read with one plain load, so it is never
    torn.  The mapping belongs to the object, not the name, and survives a fork.
    """

    __slots__ = ("_bytes", "identity", "names", "words")

    def __init__(self, names: Names, trust: Trust) -> None:
        """Map the page; raise Gone, LayoutMismatch or what ``open_trusted`` raises."""
        fd, status = open_trusted(names.page, trust)
        try:
            if status.st_size < PAGE_SIZE:
                raise Gone(names.page)  # its daemon is creating it right now
            # By default, mmap keeps a duplicate of the descriptor and closes it later.  If the
            # program closes all descriptors to become a daemon, the number can then belong to
            # something else.
            more = {"trackfd": False} if sys.version_info >= (3, 13) else {}
            mapping = mmap(fd, PAGE_SIZE, MAP_SHARED, PROT_READ, **more)
        except OSError as error:
            reason = f"it cannot be mapped ({error.strerror})"
            raise SnapshotError(names.page, reason) from None
        finally:
            os.close(fd)
        self._bytes = memoryview(mapping)
        self.words: memoryview = words_of(self._bytes)
        self.names = names
        self.identity: Identity = (status.st_dev, status.st_ino)
        head = bytes(self._bytes[:16])
        layout = layout_of(head, PAGE_MAGIC)
        if layout is None:
            if not any(head[:8]):
                raise Gone(names.page)  # the magic is written last
            raise SnapshotCorrupt(names.page, "it is not a control page")
        if layout != LAYOUT_VERSION:
            raise LayoutMismatch(names.page, layout, LAYOUT_VERSION)

    def status(self) -> PageStatus:
        """Return the status of the daemon; raise SnapshotCorrupt."""
        try:
            return read_status(self._bytes, self.words)
        except ValueError as error:
            raise SnapshotCorrupt(self.names.page, str(error)) from None

    def replaced(self) -> bool:
        """Return whether another object has the page's name now; False if none has it."""
        return self._named() not in (None, self.identity)

    def in_place(self) -> bool:
        """Return whether the page's name still refers to it."""
        return self._named() == self.identity

    def _named(self) -> Identity | None:
        try:
            status = os.stat(SHM_DIR + self.names.page, follow_symlinks=False)
        except OSError:
            return None
        return status.st_dev, status.st_ino
