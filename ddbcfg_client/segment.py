"""Shared memory as a reader has it: the mapped control page, and the segment read with pread.

The page is mapped, for the hot path reads it without a system call.  A segment is not: ``pread``
costs what the page faults of a mapping cost, and a segment that somebody truncates gives a short
read and a typed error where a mapping would give SIGBUS.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import sys
from mmap import MAP_SHARED, PROT_READ, mmap

import posix_ipc

from ddbcfg_client.errors import (
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotPermissionError,
    SnapshotUnavailable,
    UntrustedSegment,
)
from ddbcfg_client.layout import LAYOUT_VERSION, layout_of
from ddbcfg_client.layout.names import PREFIX, Names
from ddbcfg_client.layout.page import PAGE_MAGIC, PAGE_SIZE, PageStatus, read_status
from ddbcfg_client.layout.segment import HEADER_SIZE, SEGMENT_MAGIC, Header, parse_header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SHM_DIR = "/dev/shm"  # where Linux keeps shared memory; posix_ipc cannot list or stat
_NO_MEMORY = "it is no shared memory but another kind of file"
DEFAULT_OWNER = "ddbcfg"  # the user of the systemd unit

Identity = tuple[int, int]  # device and inode: the same name can be another object tomorrow


class Gone(Exception):
    """No object has the name: removed, or not there yet."""


class Trust:
    """Whom a reader believes: root, itself, and one owner by name or uid."""

    __slots__ = ("_owner",)

    def __init__(self, owner: str | int | None = None) -> None:
        self._owner = owner

    def _uid(self) -> int | None:
        owner = DEFAULT_OWNER if self._owner is None else self._owner
        if isinstance(owner, int) or owner.isdigit():
            return int(owner)
        try:
            return pwd.getpwnam(owner).pw_uid
        except KeyError:
            return None

    def check(self, name: str, status: os.stat_result) -> None:
        """Raise UntrustedSegment unless only a trusted owner can have written the object."""
        if not stat.S_ISREG(status.st_mode):
            raise UntrustedSegment(name, _NO_MEMORY)
        if status.st_uid not in (0, os.geteuid()) and status.st_uid != self._uid():
            raise UntrustedSegment(name, f"it belongs to uid {status.st_uid}")
        if status.st_mode & 0o022:
            mode = stat.S_IMODE(status.st_mode)
            raise UntrustedSegment(name, f"its mode {mode:04o} lets others than its owner write")


def open_trusted(name: str, trust: Trust) -> tuple[int, os.stat_result]:
    """Open *name* for reading: its descriptor and status.

    Raises Gone, SnapshotPermissionError or UntrustedSegment.
    """
    try:
        # O_NONBLOCK: opening a FIFO that a neighbour put in the name's place must not wait.
        fd = posix_ipc.SharedMemory(name, flags=os.O_NONBLOCK, read_only=True).fd
    except posix_ipc.ExistentialError:
        raise Gone(name) from None
    except posix_ipc.PermissionsError:
        raise SnapshotPermissionError(name, _who_may_read(name)) from None
    except ValueError:
        raise UntrustedSegment(name, _NO_MEMORY) from None  # a directory
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise UntrustedSegment(name, _NO_MEMORY) from None
        raise SnapshotError(name, f"it cannot be opened ({_text_of(error)})") from None
    try:
        status = os.fstat(fd)
        trust.check(name, status)
    except BaseException:
        os.close(fd)
        raise
    return fd, status


def _text_of(error: OSError) -> str:
    # posix_ipc words some errors itself, without a number.
    return error.strerror or str(error)


def _who_may_read(name: str) -> str:
    """What a person must do to be let in: which group to join."""
    try:
        import grp  # only who is refused needs it, and may be refused the library, too

        status = os.stat(SHM_DIR + name)
        group = grp.getgrgid(status.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "ask who runs the daemon for its group"
    if status.st_mode & stat.S_IRGRP:
        return f"join the group {group!r} (systemd: SupplementaryGroups={group})"
    return f"its mode is {stat.S_IMODE(status.st_mode):04o}; see the daemon's --mode and --group"


class Page:
    """A mapped control page.

    ``words`` is its memory as 64-bit words: each is read as one plain load, never torn.  The
    mapping follows the object, not the name, and survives a fork.
    """

    __slots__ = ("_bytes", "identity", "names", "words")

    def __init__(self, names: Names, trust: Trust) -> None:
        """Map the page; raises Gone, LayoutMismatch and what :func:`open_trusted` raises."""
        fd, status = open_trusted(names.page, trust)
        try:
            if status.st_size < PAGE_SIZE:
                raise Gone(names.page)  # its daemon is just making it
            # Python's mmap keeps a duplicate of the descriptor unless told not to; a program that
            # closes all descriptors to become a daemon would later have a stranger's closed.
            more = {"trackfd": False} if sys.version_info >= (3, 13) else {}
            mapping = mmap(fd, PAGE_SIZE, MAP_SHARED, PROT_READ, **more)
        except OSError as error:
            reason = f"it cannot be mapped ({_text_of(error)})"
            raise SnapshotError(names.page, reason) from None
        finally:
            os.close(fd)
        self._bytes = memoryview(mapping)
        self.words: memoryview = self._bytes.cast("Q")
        self.names = names
        self.identity: Identity = (status.st_dev, status.st_ino)
        head = bytes(self._bytes[:16])
        layout = layout_of(head, PAGE_MAGIC)
        if layout is None:
            if not any(head[:8]):
                raise Gone(names.page)  # the magic comes last
            raise SnapshotCorrupt(names.page, "it is no control page")
        if layout != LAYOUT_VERSION:
            raise LayoutMismatch(names.page, layout, LAYOUT_VERSION)

    def status(self) -> PageStatus:
        """How the daemon fares; raises SnapshotCorrupt."""
        try:
            return read_status(self._bytes, self.words)
        except ValueError as error:
            raise SnapshotCorrupt(self.names.page, str(error)) from None

    def replaced(self) -> bool:
        """Whether another object has the page's name now.  A name without object is not it."""
        try:
            status = os.stat(SHM_DIR + self.names.page, follow_symlinks=False)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) != self.identity


class Segment:
    """An open snapshot segment, with its header checked.

    Holds a descriptor, so the content stays readable after its name is gone.
    """

    __slots__ = ("_fd", "_identity", "header", "name")

    def __init__(self, name: str, generation: int, trust: Trust) -> None:
        """Open it; raises Gone, LayoutMismatch, SnapshotCorrupt and open_trusted's errors."""
        self._fd = -1
        self.name = name
        self._fd, status = open_trusted(name, trust)
        self._identity = (status.st_dev, status.st_ino)
        head = os.pread(self._fd, HEADER_SIZE, 0)
        layout = layout_of(head, SEGMENT_MAGIC)
        if layout is None:
            raise SnapshotCorrupt(name, "it is no snapshot segment")
        if layout != LAYOUT_VERSION:
            raise LayoutMismatch(name, layout, LAYOUT_VERSION)
        try:
            self.header: Header = parse_header(head, status.st_size)
        except ValueError as error:
            raise SnapshotCorrupt(name, str(error)) from None
        # The publisher allocates all of it.  What has holes could claim any size and cost nothing,
        # but a reader that believes it memory.
        if status.st_blocks * 512 < status.st_size:
            raise SnapshotCorrupt(name, "it has holes")
        if self.header.generation != generation:
            raise SnapshotCorrupt(name, f"it holds generation {self.header.generation}")

    def read(self, offset: int, size: int) -> bytes:
        """*size* bytes at *offset*; raises SnapshotCorrupt when there are fewer."""
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
            raise SnapshotCorrupt(self.name, "it was cut short")
        return data

    def apply(self, access: Callable[[int], None]) -> None:
        """Call *access* with the descriptor: the publisher's way to set owner and mode."""
        access(self._fd)

    def is_open(self) -> bool:
        """Whether the descriptor is still this segment's: a program may have closed them all."""
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
            os.close(self._fd)


def published_stores() -> list[Names]:
    """The stores whose control pages are on this host, by name; none of them is opened."""
    try:
        files = sorted(os.listdir(SHM_DIR))
    except OSError as error:
        raise SnapshotUnavailable(PREFIX, f"{SHM_DIR}: {error.strerror}") from None
    return [names for file in files if (names := Names.of_page(f"/{file}"))]
