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

from ddbcfg_client.errors import (
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotPermissionError,
    SnapshotReclaimed,
    SnapshotUnavailable,
    UntrustedSegment,
)
from ddbcfg_client.format import LAYOUT_VERSION, layout_of
from ddbcfg_client.format.names import PREFIX, Names
from ddbcfg_client.format.page import PAGE_MAGIC, PAGE_SIZE, PageStatus, read_status
from ddbcfg_client.format.segment import (
    HEADER_SIZE,
    SEGMENT_MAGIC,
    Header,
    header_size_of,
    parse_header,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SHM_DIR = "/dev/shm"  # where Linux keeps shared memory: shm_open(3) opens the files there
_NO_MEMORY = "it is no shared memory but another kind of file"
REMOVE = "no daemon made it so: have it removed"
_HOW_TO_SEE = (
    "read it from a process without a user namespace of its own (PrivateUsers=no), or map the "
    "daemon's user and group into that"
)
DEFAULT_OWNER = "ddbcfg"  # the user of the systemd unit

Identity = tuple[int, int]  # device and inode: the same name can be another object tomorrow


class Gone(Exception):
    """No object that can be read has the name: removed, cut short, or not there yet."""


class Trust:
    """The owners that a reader believes: root, itself, and one more by name or uid."""

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
            raise UntrustedSegment(name, _NO_MEMORY, REMOVE)
        self.check_owner(name, status)
        if status.st_mode & 0o022:
            mode = stat.S_IMODE(status.st_mode)
            reason = f"its mode {mode:04o} lets others than its owner write"
            raise UntrustedSegment(name, reason, REMOVE)

    def check_owner(self, name: str, status: os.stat_result) -> None:
        """Raise UntrustedSegment unless the owner is trusted."""
        if is_unmapped(status.st_uid):
            raise UntrustedSegment(
                name,
                "its owner cannot be seen from this user namespace, where it has no uid",
                _HOW_TO_SEE,
            )
        if status.st_uid not in (0, os.geteuid()) and status.st_uid != self._uid():
            user = _user_of(status.st_uid)
            steps = [_how_to_trust(user)]
            if not os.access(SHM_DIR + name, os.R_OK, effective_ids=True):
                steps.insert(0, _how_to_join(status))
            reason = f"it belongs to {user}"
            if user != str(status.st_uid):
                reason += f" (uid {status.st_uid})"
            raise UntrustedSegment(
                name, reason, f"if that is your daemon's user, {' and '.join(steps)}"
            )


def is_unmapped(number: int, kind: str = "uid") -> bool:
    """Return whether *number* stands for all users that this user namespace has no uid for.

    With *kind* "gid", the same for groups.
    """
    try:
        if number != int(_read(f"/proc/sys/kernel/overflow{kind}")):
            return False
        lines = _read(f"/proc/self/{kind}_map").splitlines()
        mapped = [[int(number) for number in line.split()] for line in lines]
    except (OSError, ValueError):
        return number == 65534  # no /proc to ask: the kernel's own default, and the safe side
    # Where every uid is its own, the host's user namespace, it is a user's like any other.
    return mapped != [[0, 0, (1 << 32) - 1]]


def _read(path: str) -> bytes:
    """Return what is in a small file; half the price of open(), and each new generation pays it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def open_trusted(name: str, trust: Trust) -> tuple[int, os.stat_result]:
    """Open *name* for reading; return its descriptor and status.

    Raises Gone, SnapshotPermissionError, UntrustedSegment, or SnapshotError when this process can
    open nothing (it has no descriptor left).
    """
    try:
        # As shm_open(3) does it.  O_NONBLOCK: opening a FIFO that a neighbour put in the name's
        # place must not wait.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(SHM_DIR + name, flags)
    except FileNotFoundError:
        raise Gone(name) from None
    except PermissionError:
        raise SnapshotPermissionError(name, _who_may_read(name, trust)) from None
    except BlockingIOError:
        raise Gone(name) from None  # its publisher holds a lease on it: it is just removing it
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise UntrustedSegment(name, _NO_MEMORY, REMOVE) from None
        raise SnapshotError(name, f"it cannot be opened ({error.strerror})") from None
    try:
        status = os.fstat(fd)
        trust.check(name, status)
    except BaseException:
        os.close(fd)
        raise
    return fd, status


def _who_may_read(name: str, trust: Trust) -> str:
    """Return what a person must do to be let in and to believe what is there: all of it at once."""
    try:
        status = os.stat(SHM_DIR + name)
    except OSError:
        return "ask who runs the daemon for its group"
    try:
        trust.check_owner(name, status)
    except UntrustedSegment as untrusted:
        return f"{untrusted.reason}; {untrusted.advice}"
    return _how_to_join(status)


def _how_to_join(status: os.stat_result) -> str:
    """Return how a user gets to read what has this *status*."""
    if is_unmapped(status.st_gid, "gid"):
        return f"its group cannot be seen from this user namespace; {_HOW_TO_SEE}"
    if not status.st_mode & stat.S_IRGRP:
        mode = stat.S_IMODE(status.st_mode)
        return f"give its daemon another --mode or --group (its mode is {mode:04o})"
    try:
        import grp  # only who is refused needs it, and may be refused the library, too

        group = grp.getgrgid(status.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "ask who runs the daemon for its group"
    return f"join the group {group!r} (systemd: SupplementaryGroups={group})"


def _how_to_trust(user: str) -> str:
    return f"trust it (--owner {user}, in Python owner={user!r}, or DDBCFG_OWNER={user})"


def _user_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


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
            reason = f"it cannot be mapped ({error.strerror})"
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
        try:
            head = self._head()
        except ValueError as error:
            raise SnapshotCorrupt(name, str(error)) from None
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


def published_stores(trust: Trust) -> tuple[list[Names], list[UntrustedSegment]]:
    """Return the stores whose control pages are on this host, by name; none of them is opened.

    With them an error for each page that *trust* does not believe: anyone can make a file there.
    """
    try:
        files = sorted(os.listdir(SHM_DIR))
    except OSError as error:
        raise SnapshotUnavailable(PREFIX, f"{SHM_DIR}: {error.strerror}") from None
    stores, refused = [], []
    for file in files:
        names = Names.of_page(f"/{file}")
        if names is None:
            continue
        try:
            trust.check(names.page, os.stat(SHM_DIR + names.page, follow_symlinks=False))
        except FileNotFoundError:
            continue
        except UntrustedSegment as error:
            refused.append(error)
        else:
            stores.append(names)
    return stores, refused
