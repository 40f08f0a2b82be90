"""Making shared-memory objects: exclusively, at full size, with the mode that was asked for."""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import SHM_DIR
from ddbcfg_daemon.errors import ForeignObject, GroupRefused, NoSpace, ShmRefused

PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Access:
    """Whose the objects are and who may read them: mode, and group and owner by number.

    ``group`` and ``owner`` of -1 leave them as they come: this process's own.  Only root can give
    its objects to another owner.
    """

    mode: int = 0o640
    group: int = -1
    owner: int = -1

    def for_user(self, user: pwd.struct_passwd | None) -> Access:
        """Return the same for objects of *user* and, unless another was asked for, its group."""
        if user is None or user.pw_uid == os.geteuid():
            return self
        return Access(self.mode, user.pw_gid if self.group == -1 else self.group, user.pw_uid)

    @property
    def uid(self) -> int:
        """The owner of this publisher's objects."""
        return os.geteuid() if self.owner == -1 else self.owner

    def own(self, fd: int) -> None:
        """Give the open object to its owner and group."""
        if self.group != -1 or self.owner != -1:
            try:
                os.fchown(fd, self.owner, self.group)
            except PermissionError:
                raise GroupRefused(self.group) from None

    def apply(self, fd: int) -> None:
        """Give the open object its owner, group and mode, whatever the umask is."""
        self.own(fd)
        os.fchmod(fd, self.mode)  # last: changing the group may clear mode bits

    @property
    def may_connect(self) -> int:
        """The mode of the request socket: every reader may connect, which takes writing it."""
        return self.mode | (self.mode & 0o444) >> 1


def path_of(name: str, *, semaphore: bool = False) -> Path:
    """Where Linux shows the object *name* as a file."""
    return Path(SHM_DIR) / (f"sem.{name[1:]}" if semaphore else name[1:])


def create(name: str, access: Access) -> int:
    """Create a new, empty object in the place of whatever has the name; return its descriptor.

    Only its owner can open it yet.  Raises ForeignObject when the name is taken for good, and
    ShmRefused.
    """
    try:
        return create_exclusively(name, access)
    except FileExistsError:
        clear_the_way(path_of(name), name)
    try:
        return create_exclusively(name, access)
    except FileExistsError:  # somebody is quick
        raise foreign(name) from None


def create_exclusively(name: str, access: Access) -> int:
    """Do the same unless the name is taken: raises FileExistsError then."""
    # O_EXCL: without it one would adopt a file that somebody else made to be able to write it.
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path_of(name), flags, PRIVATE)
    except FileExistsError:
        raise
    except OSError as error:
        raise ShmRefused(name, error.errno or 0) from None
    try:
        # At once: what a publisher that is killed leaves must not be in its successor's way.
        access.own(fd)
        os.fchmod(fd, PRIVATE)  # a umask can take from the owner, too
    except BaseException:
        os.close(fd)
        unlink(name)
        raise
    return fd


def allocate(fd: int, name: str, size: int, reclaim: Callable[[], int | None]) -> None:
    """Give the object its size, with all of its memory.

    While there is no room, *reclaim* is called: it frees what it can and returns None, or frees
    nothing and returns how many bytes it knows to be held.  Raises NoSpace then, and ShmRefused.
    """
    while True:
        try:
            # ftruncate would succeed on a full /dev/shm, and the first store kill the process
            # (SIGBUS).
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise ShmRefused(name, error.errno or 0) from None
            held = reclaim()
            if held is None:
                continue
            space = os.statvfs(SHM_DIR)
            raise NoSpace(name, size, space.f_bavail * space.f_frsize, held) from None
        return


def write(fd: int, parts: Iterable[bytes], offset: int = 0) -> None:
    """Write *parts* one behind the other from *offset* on."""
    for part in parts:
        view = memoryview(part).cast("B")
        while view:
            # pwrite may write less than it was asked to.
            written = os.pwrite(fd, view, offset)
            view = view[written:]
            offset += written


# --- under a temporary name until it is all that it is to be -------------------------------------


def temporary(names: Names) -> str:
    """Return a random name for an object of the store, where nobody can be first."""
    return f"{_temporary_prefix(names)}{secrets.token_hex(8)}"


def put_in_place(temporary_name: str, name: str) -> None:
    """Give the object its name, in the place of whatever has it; raises ForeignObject."""
    new, path = path_of(temporary_name), path_of(name)
    try:
        new.rename(path)
    except OSError:
        clear_the_way(path, name)  # a directory, or a stranger's
        new.rename(path)


def sweep_temporary(names: Names) -> None:
    """Remove what a daemon left that was killed while it made something.

    For the holder of the writer lock.
    """
    prefix = _temporary_prefix(names)
    for file in os.listdir(SHM_DIR):
        if f"/{file}".startswith(prefix):
            with suppress(OSError):
                path_of(f"/{file}").unlink()


def _temporary_prefix(names: Names) -> str:
    # A short one, whatever the store's is: a socket's address has room for 108 bytes.
    return f"/ddbcfg~{sha256(names.page.encode()).hexdigest()[:32]}~"


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


def foreign(name: str) -> ForeignObject:
    """Return the error that says whose object has *name*."""
    try:
        status = path_of(name).lstat()
    except OSError:
        return ForeignObject(name, "somebody", "a file")
    return ForeignObject(name, owner_of(status), _kind(status.st_mode))


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
    path_of(name).unlink(missing_ok=True)
