"""Opening a segment, finding an option in it and closing it the short way: ``_segment.c``.

The first two return None if anything is wrong; then the caller does the same in Python, and finds
the reason.  The first read after a change finds the processor's caches full of other work, so every
line of Python on its way costs: in C, half of its time is saved.
"""

from __future__ import annotations

from ddbcfg_client.readonly import COMPILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    def open_segment(
        path: str, generation: int, owner: int, unmapped: int, /
    ) -> tuple[int, int, int, tuple[Any, ...]] | None:
        """Return descriptor, device, inode and the header's fields of a segment.

        ``owner`` is a trusted uid besides root's and this process's, ``unmapped`` one that is
        never trusted; -1 for none known, and without ``unmapped`` nothing is opened.
        """

    def find_option(fd: int, /, *words_and_option: Any) -> bytes | None:
        """Return the packed keys of an option, whose checksum and name were checked."""

    def close_segment(fd: int, device: int, inode: int, /) -> None:
        """Close a descriptor if it is still that object's."""
elif COMPILED:
    from ddbcfg_client._compiled import close_segment, find_option, open_segment
else:
    import os

    def open_segment(path, generation, owner, unmapped, /):
        """Return None: there is no short way."""

    def find_option(fd, /, *words_and_option):
        """Return None: there is no short way."""

    def close_segment(fd, device, inode, /):
        """Do the same in Python."""
        try:
            status = os.fstat(fd)
        except OSError:
            return
        if (status.st_dev, status.st_ino) == (device, inode):
            os.close(fd)


__all__ = ["close_segment", "find_option", "open_segment"]
