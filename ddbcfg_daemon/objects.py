"""Making shared-memory objects: exclusively, at full size, with the mode that was asked for."""

from __future__ import annotations

import errno
import os
import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import posix_ipc

from ddbcfg_client.segment import SHM_DIR
from ddbcfg_daemon.errors import ForeignObject, GroupRefused, NoSpace

PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read what is published: the mode, and the group by its number (-1: as it comes)."""

    mode: int = 0o640
    group: int = -1

    def apply(self, fd: int) -> None:
        """Give the open object this group and mode, whatever the umask is."""
        if self.group != -1:
            try:
                os.fchown(fd, -1, self.group)
            except PermissionError:
                raise GroupRefused(self.group) from None
        os.fchmod(fd, self.mode)  # last: changing the group may clear mode bits

    @property
    def may_ask(self) -> int:
        """The mode of what every reader may also write: the reload semaphore."""
        # sem_open(3) opens for reading and writing, so whoever may read needs both.
        return self.mode | (self.mode & 0o444) >> 1


def path_of(name: str, *, semaphore: bool = False) -> Path:
    """Where Linux shows the object *name* as a file."""
    return Path(SHM_DIR) / (f"sem.{name[1:]}" if semaphore else name[1:])


def create(name: str, size: int) -> int:
    """A new object of *size* bytes, all allocated, for its owner only: its descriptor.

    Raises NoSpace, and leaves nothing then; ForeignObject when the name is taken for good.
    """
    # O_EXCL: without it one would adopt a file that somebody else made to be able to write it.
    flags = posix_ipc.O_CREX
    try:
        fd = posix_ipc.SharedMemory(name, flags, mode=PRIVATE).fd
    except posix_ipc.ExistentialError:
        clear_the_way(path_of(name), name)
        fd = posix_ipc.SharedMemory(name, flags, mode=PRIVATE).fd
    try:
        # ftruncate would succeed on a full /dev/shm, and the first store kill the process (SIGBUS).
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        os.close(fd)
        posix_ipc.unlink_shared_memory(name)
        if error.errno == errno.ENOSPC:
            space = os.statvfs(SHM_DIR)
            raise NoSpace(name, size, space.f_bavail * space.f_frsize) from None
        raise
    return fd


def write(fd: int, parts: list[bytes], offset: int = 0) -> None:
    """Write *parts* one behind the other from *offset* on."""
    for part in parts:
        view = memoryview(part).cast("B")
        while view:
            # pwrite may write less than it was asked to.
            written = os.pwrite(fd, view, offset)
            view = view[written:]
            offset += written


def clear_the_way(path: Path, name: str) -> None:
    """Remove what stands under *name*; raises ForeignObject when this user may not.

    Only the holder of the writer lock calls this, so it is left over or not ddbcfg's.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    try:
        if stat.S_ISDIR(status.st_mode):
            path.rmdir()
        else:
            path.unlink()
    except OSError:
        raise ForeignObject(name, owner_of(status), _kind(status.st_mode)) from None


def owner_of(status: os.stat_result) -> str:
    """The owner's name and uid, for messages."""
    try:
        return f"{pwd.getpwuid(status.st_uid).pw_name} (uid {status.st_uid})"
    except KeyError:
        return f"uid {status.st_uid}"


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
    }
    return kinds.get(stat.S_IFMT(mode), "a file")


def unlink(name: str) -> None:
    """Remove the object; one that is gone already is no error."""
    with suppress(posix_ipc.ExistentialError):
        posix_ipc.unlink_shared_memory(name)


def make_semaphore(name: str, mode: int, group: int, value: int) -> posix_ipc.Semaphore:
    """A new semaphore in the place of whatever has the name; raises ForeignObject.

    New, because nobody can tell whether a left-over one is free or was held by a killed publisher.
    """
    path = path_of(name, semaphore=True)
    clear_the_way(path, name)
    semaphore = posix_ipc.Semaphore(name, posix_ipc.O_CREX, mode=PRIVATE, initial_value=value)
    if group != -1:
        os.chown(path, -1, group, follow_symlinks=False)
    path.chmod(mode)
    return semaphore
