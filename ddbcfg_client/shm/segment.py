"""The reader's snapshot segment: an open file, read with ``pread``.

Unlike the page, it is not mapped.  ``pread`` costs as much as the page faults of a mapping.  If the
segment is truncated, the result is a short read and a typed error instead of SIGBUS.
"""

from __future__ import annotations

import os
from itertools import count

from ddbcfg_client.errors import (
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotReclaimed,
)
from ddbcfg_client.format import LAYOUT_VERSION, layout_of
from ddbcfg_client.format.segment import (
    HEADER_SIZE,
    SEGMENT_MAGIC,
    Header,
    header_size_of,
    parse_header,
)
from ddbcfg_client.shm.quick import close_segment, find_option, open_segment
from ddbcfg_client.shm.trust import SHM_DIR, Gone, Trust, open_trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


# For each descriptor, the number of the Segment that opened it last.  A program that becomes a
# daemon closes all descriptors; then a new Segment can get the same descriptor for the same file.
_opened = count(1)
_holders: dict[int, int] = {}


class Segment:
    """An open snapshot segment, with its header checked.

    It owns a descriptor, so the content stays readable after the name was removed.
    """

    __slots__ = ("_fd", "_identity", "_number", "header", "name")

    def __init__(self, name: str, generation: int, trust: Trust) -> None:
        """Open it; raise Gone, LayoutMismatch, SnapshotCorrupt or open_trusted's errors."""
        self._fd = -1
        self.name = name
        found = open_segment(SHM_DIR + name, generation, *trust.uids())
        if found is not None:
            self._fd, device, inode, fields = found
            _holders[self._fd] = self._number = next(_opened)
            self._identity = (device, inode)
            self.header: Header = Header(*fields)
            return
        self._fd, status = open_trusted(name, trust)
        _holders[self._fd] = self._number = next(_opened)
        self._identity = (status.st_dev, status.st_ino)
        try:
            head = self._head()
        except ValueError as error:
            raise SnapshotCorrupt(name, str(error)) from None
        except OSError as error:
            raise SnapshotError(name, f"it cannot be read ({error.strerror})") from None
        # The publisher truncates a replaced segment if it needs the memory.  If that happens from
        # here on, a read is short and raises SnapshotReclaimed.
        size = status.st_size
        try:
            self.header = parse_header(head, size)
        except ValueError as error:
            raise SnapshotCorrupt(name, str(error)) from None
        # The publisher allocates all of it.  A sparse file could claim any size at no cost, and
        # make the reader allocate that much memory.
        if status.st_blocks * 512 < size:
            raise SnapshotCorrupt(name, "it has holes")
        if self.header.generation != generation:
            raise SnapshotCorrupt(name, f"it holds generation {self.header.generation}")

    def _head(self) -> bytes:
        """Return the header's bytes; raise Gone, LayoutMismatch or ValueError."""
        head = os.pread(self._fd, HEADER_SIZE, 0)
        if not head:
            raise Gone(self.name)
        layout = layout_of(head, SEGMENT_MAGIC)
        if layout is None:
            raise ValueError("it is not a snapshot segment")
        if layout != LAYOUT_VERSION:
            raise LayoutMismatch(self.name, layout, LAYOUT_VERSION)
        size = header_size_of(head)
        return head if size == HEADER_SIZE else os.pread(self._fd, size, 0)

    def found(self, option: str) -> bytes | None:
        """Return the packed keys of ``option`` if that is possible the short way, else None."""
        header = self.header
        return find_option(
            self._fd,
            header.slots_at,
            header.slot_bits,
            header.slots,
            header.longest_probe,
            header.entries_at,
            header.options,
            header.body_at,
            header.body_size,
            option,
        )

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``.

        Raise SnapshotReclaimed if there are fewer, and SnapshotCorrupt if they cannot be read
        because the program closed the descriptor.
        """
        try:
            data = os.pread(self._fd, size, offset)
            if len(data) == size:
                return data
            # One call returns at most 2 GiB on Linux.
            while data and len(data) < size:
                more = os.pread(self._fd, size - len(data), offset + len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise SnapshotCorrupt(self.name, f"it cannot be read ({error.strerror})") from None
        if len(data) != size:
            if not self.is_open():
                raise SnapshotCorrupt(self.name, "its descriptor was closed by this program")
            reason = "the daemon reclaimed its memory because /dev/shm was full"
            raise SnapshotReclaimed(self.name, reason)
        return data

    def apply(self, access: Callable[[int], None]) -> None:
        """Call ``access`` with the descriptor; the publisher sets owner and mode this way."""
        access(self._fd)

    def has_name(self) -> bool:
        """Return whether its name still refers to it, and not to another object or to none."""
        try:
            status = os.stat(SHM_DIR + self.name, follow_symlinks=False)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def is_open(self) -> bool:
        """Return whether the descriptor is still this segment's; the program may have closed it."""
        if _holders.get(self._fd) != self._number:
            return False
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy would have the same descriptor, which one of the two would close first.
        raise TypeError(f"the open segment {self.name} cannot be copied or pickled")

    def __del__(self) -> None:
        # After a program closed all descriptors, as when it becomes a daemon, the number can belong
        # to something else.
        fd = self._fd
        if fd >= 0 and _holders.get(fd) == self._number:
            _holders.pop(fd, None)  # before it is closed: another thread may get the same number
            close_segment(fd, *self._identity)
