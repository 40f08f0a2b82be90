"""A snapshot segment as a reader has it: open, and read with pread.

It is not mapped, unlike the page: ``pread`` costs what the page faults of a mapping cost, and a
segment that somebody truncates gives a short read and a typed error where a mapping would give
SIGBUS.
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
from ddbcfg_client.shm.trust import SHM_DIR, Gone, Trust, open_trusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


# The number of the Segment that each descriptor was last given to.  After a program closed all of
# them, as one that becomes a daemon does, the next Segment may get the same one for the same file.
_opened = count(1)
_holders: dict[int, int] = {}


class Segment:
    """An open snapshot segment, with its header checked.

    Holds a descriptor, so the content stays readable after its name is gone.
    """

    __slots__ = ("_fd", "_identity", "_number", "header", "name")

    def __init__(self, name: str, generation: int, trust: Trust) -> None:
        """Open it; raises Gone, LayoutMismatch, SnapshotCorrupt and open_trusted's errors."""
        self._fd = -1
        self.name = name
        self._fd, status = open_trusted(name, trust)
        _holders[self._fd] = self._number = next(_opened)
        self._identity = (status.st_dev, status.st_ino)
        try:
            head = self._head()
        except ValueError as error:
            raise SnapshotCorrupt(name, str(error)) from None
        except OSError as error:
            raise SnapshotError(name, f"it cannot be read ({error.strerror})") from None
        size = status.st_size
        # The publisher cuts short what it replaced when it needs the room.
        if size < HEADER_SIZE or os.fstat(self._fd).st_size < size:
            raise Gone(name)
        try:
            self.header: Header = parse_header(head, size)
        except ValueError as error:
            raise SnapshotCorrupt(name, str(error)) from None
        # The publisher allocates all of it.  What has holes could claim any size and cost nothing,
        # but a reader that believes it memory.
        if status.st_blocks * 512 < size:
            raise SnapshotCorrupt(name, "it has holes")
        if self.header.generation != generation:
            raise SnapshotCorrupt(name, f"it holds generation {self.header.generation}")

    def _head(self) -> bytes:
        """The header's bytes; raises Gone, LayoutMismatch or ValueError."""
        head = os.pread(self._fd, HEADER_SIZE, 0)
        if not head:
            raise Gone(self.name)
        layout = layout_of(head, SEGMENT_MAGIC)
        if layout is None:
            raise ValueError("it is no snapshot segment")
        if layout != LAYOUT_VERSION:
            raise LayoutMismatch(self.name, layout, LAYOUT_VERSION)
        size = header_size_of(head)
        return head if size == HEADER_SIZE else os.pread(self._fd, size, 0)

    def read(self, offset: int, size: int) -> bytes:
        """Return *size* bytes at *offset*; raise SnapshotReclaimed when there are fewer.

        And SnapshotCorrupt when they cannot be read: the program closed the descriptor.
        """
        try:
            data = os.pread(self._fd, size, offset)
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
            reason = "the daemon took back its memory, because /dev/shm was full"
            raise SnapshotReclaimed(self.name, reason)
        return data

    def apply(self, access: Callable[[int], None]) -> None:
        """Call *access* with the descriptor: the publisher's way to set owner and mode."""
        access(self._fd)

    def has_name(self) -> bool:
        """Whether its name still leads to it: it can be removed, and then taken by anyone."""
        try:
            status = os.stat(SHM_DIR + self.name, follow_symlinks=False)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def is_open(self) -> bool:
        """Whether the descriptor is still this segment's: a program may have closed them all."""
        if _holders.get(self._fd) != self._number:
            return False
        try:
            status = os.fstat(self._fd)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy would have the number of a descriptor that the other of the two closes.
        raise TypeError(f"the open segment {self.name} cannot be copied or pickled")

    def __del__(self) -> None:
        # Not close() by number alone: after a program closed all descriptors (as one that becomes
        # a daemon does) the number may be a stranger's.
        if self._fd >= 0 and self.is_open():
            _holders.pop(self._fd, None)  # first: another thread may open the same number at once
            os.close(self._fd)
