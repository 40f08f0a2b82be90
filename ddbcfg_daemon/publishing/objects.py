"""Create shared-memory objects: exclusively, at full size, with the configured mode and owner."""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import SHM_DIR
from ddbcfg_daemon.errors import ForeignObject, GroupRefused, NoSpace, ShmRefused

PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Access:
    """Mode, group and owner of the objects; group and owner are numeric ids.

    A ``group`` or ``owner`` of -1 means that of this process.  Only root can set another owner.
    """

    mode: int = 0o640
    group: int = -1
    owner: int = -1

    def for_user(self, user: pwd.struct_passwd | None) -> Access:
        """Return the same access for objects of ``user``, and of its group if none was set."""
        if user is None or user.pw_uid == os.geteuid():
            return self
        return Access(self.mode, user.pw_gid if self.group == -1 else self.group, user.pw_uid)

    @property
    def uid(self) -> int:
        """The uid that owns this publisher's objects."""
        return os.geteuid() if self.owner == -1 else self.owner

    def own(self, fd: int) -> None:
        """Set owner and group of the open object."""
        if self.group != -1 or self.owner != -1:
            try:
                os.fchown(fd, self.owner, self.group)
            except PermissionError:
                raise GroupRefused(self.group) from None

    def apply(self, fd: int) -> None:
        """Set owner, group and mode of the open object, regardless of the umask."""
        self.own(fd)
        os.fchmod(fd, self.mode)  # last: changing the group may clear mode bits

    @property
    def may_connect(self) -> int:
        """The mode of the request socket: every reader may connect, which needs write access."""
        return self.mode | (self.mode & 0o444) >> 1


def path_of(name: str, *, semaphore: bool = False) -> Path:
    """Return the path of the file that Linux has for the object ``name``."""
    return Path(SHM_DIR) / (f"sem.{name[1:]}" if semaphore else name[1:])


def create(name: str, access: Access) -> int:
    """Create a new, empty object, replacing any object with its name; return its descriptor.

    At first, only its owner can open it.  Raise ForeignObject if the existing object cannot be
    removed, and ShmRefused.
    """
    try:
        return create_exclusively(name, access)
    except FileExistsError:
        clear_the_way(path_of(name), name)
    try:
        return create_exclusively(name, access)
    except FileExistsError:  # another process created it in the meantime
        raise foreign(name) from None


def create_exclusively(name: str, access: Access) -> int:
    """Create a new, empty object and return its descriptor; raise FileExistsError if it exists."""
    # O_EXCL: otherwise this could open a file that another user created and can write.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path_of(name), flags, PRIVATE)
    except FileExistsError:
        raise
    except OSError as error:
        raise ShmRefused(name, error.errno or 0) from None
    try:
        # At once: if this publisher is killed, its successor must be able to use what is left.
        access.own(fd)
        os.fchmod(fd, PRIVATE)  # a umask can remove the owner's permissions, too
    except BaseException:
        os.close(fd)
        unlink(name)
        raise
    return fd


def allocate(fd: int, name: str, size: int, reclaim: Callable[[], int | None]) -> None:
    """Allocate all the memory of the object.

    While there is no space, ``reclaim`` is called.  It frees memory and returns None, or it has
    nothing to free and returns the bytes that readers hold.  Raise NoSpace then, and ShmRefused.
    """
    while True:
        try:
            # ftruncate would succeed on a full /dev/shm; then the first write through a mapping
            # would kill the process (SIGBUS).
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise ShmRefused(name, error.errno or 0) from None
            held = reclaim()
            if held is None:
                continue
            raise no_space(name, size, held) from None
        return


def no_space(name: str, size: int, held: int = 0) -> NoSpace:
    """Return the error that says how much is free; ``held`` is what replaced segments hold."""
    space = os.statvfs(SHM_DIR)
    return NoSpace(name, size, space.f_bavail * space.f_frsize, held)


def write(fd: int, parts: Iterable[bytes], offset: int = 0) -> None:
    """Write ``parts`` one after the other, starting at ``offset``."""
    for part in parts:
        view = memoryview(part).cast("B")
        while view:
            # pwrite may write less than it was asked to.
            written = os.pwrite(fd, view, offset)
            view = view[written:]
            offset += written


# --- temporary names, for objects that are not complete yet --------------------------------------


def temporary(names: Names) -> str:
    """Return a random name for an object of the store, which another user cannot guess."""
    return f"{names.temporary_prefix}{secrets.token_hex(8)}"


def put_in_place(temporary_name: str, name: str) -> None:
    """Rename the object to ``name``, replacing any object there; raise ForeignObject."""
    new, path = path_of(temporary_name), path_of(name)
    try:
        new.rename(path)
    except OSError:
        clear_the_way(path, name)  # a directory, or another user's object
        new.rename(path)


def sweep_temporary(names: Names) -> None:
    """Remove temporary objects that a killed daemon left.

    Only the holder of the writer lock may call this.
    """
    prefix = names.temporary_prefix
    for file in os.listdir(SHM_DIR):
        if f"/{file}".startswith(prefix):
            with suppress(OSError):
                path_of(f"/{file}").unlink()


def clear_the_way(path: Path, name: str) -> None:
    """Remove the object ``name`` at ``path``; raise ForeignObject if this user may not.

    Called for the writer lock itself, if its file is unusable.  For all other objects, only the
    holder of the writer lock may call this: then the object is left over, or not one of ddbcfg's.
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


def foreign(name: str) -> ForeignObject:
    """Return the error that says which user's object has ``name``."""
    try:
        status = path_of(name).lstat()
    except OSError:
        return ForeignObject(name, "another user", "a file")
    return ForeignObject(name, owner_of(status), _kind(status.st_mode))


def owner_of(status: os.stat_result) -> str:
    """Return the owner's name and uid, for messages."""
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
    """Remove the object if it exists."""
    path_of(name).unlink(missing_ok=True)
