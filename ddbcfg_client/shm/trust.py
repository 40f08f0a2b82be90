"""Which owners a reader trusts, and opening only objects that they own.

Any user can create an object in /dev/shm under any name.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat

from ddbcfg_client.errors import SnapshotError, SnapshotPermissionError, UntrustedSegment

SHM_DIR = "/dev/shm"  # where shm_open(3) opens files on Linux
_NO_MEMORY = "it is not shared memory but another kind of file"
REMOVE = "no daemon creates it like this: have it removed"
_HOW_TO_SEE = (
    "read it from a process without its own user namespace (PrivateUsers=no), or map the "
    "daemon's user and group into the namespace"
)
DEFAULT_OWNER = "ddbcfg"  # the user of the systemd unit

Identity = tuple[int, int]  # device and inode; a name can refer to another object later


class Gone(Exception):
    """The object does not exist, not yet or not any more, or was truncated."""


class Trust:
    """The trusted owners: root, this process's user, and one more by name or uid."""

    __slots__ = ("_owner", "_resolved")

    def __init__(self, owner: str | int | None = None) -> None:
        self._owner = owner
        self._resolved: int | None = None

    def _uid(self) -> int | None:
        owner = DEFAULT_OWNER if self._owner is None else self._owner
        if isinstance(owner, int) or (owner.isascii() and owner.isdigit()):
            return int(owner)
        try:
            return pwd.getpwnam(owner).pw_uid
        except (KeyError, ValueError):  # no such user, or not a valid name
            return None

    def uids(self) -> tuple[int, int]:
        """Return the uid of the third owner, and the one that is never trusted; -1 if unknown.

        They are known once an object was checked.  The name of an owner is resolved once, like the
        user that a service runs as: a new generation should not search the users of the host.
        """
        resolved = self._resolved
        return -1 if resolved is None else resolved, _overflow_ids.get("uid", -1)

    def check(self, name: str, status: os.stat_result) -> None:
        """Raise UntrustedSegment unless only a trusted owner can have written the object."""
        if stat.S_IFMT(status.st_mode) != stat.S_IFREG:
            raise UntrustedSegment(name, _NO_MEMORY, REMOVE)
        self.check_owner(name, status)
        if status.st_mode & 0o022:
            mode = stat.S_IMODE(status.st_mode)
            reason = f"its mode {mode:04o} lets others than its owner write"
            raise UntrustedSegment(name, reason, REMOVE)

    def check_owner(self, name: str, status: os.stat_result) -> None:
        """Raise UntrustedSegment unless the owner is trusted."""
        uid = status.st_uid
        if _overflow_ids.get("uid", uid) == uid and is_unmapped(uid):
            raise UntrustedSegment(
                name,
                "its owner cannot be seen from this user namespace, where it has no uid",
                _HOW_TO_SEE,
            )
        if uid in (0, os.geteuid()):
            return
        if uid == self._uid():
            self._resolved = uid
        else:
            user = _user_of(uid)
            steps = [_how_to_trust(user)]
            if not os.access(SHM_DIR + name, os.R_OK, effective_ids=True):
                steps.insert(0, _how_to_join(status))
            reason = f"it belongs to {user}"
            if user != str(uid):
                reason += f" (uid {uid})"
            raise UntrustedSegment(
                name, reason, f"if that is your daemon's user, {' and '.join(steps)}"
            )


def is_unmapped(number: int, kind: str = "uid") -> bool:
    """Return whether ``number`` is the id of all users that this user namespace does not map.

    With ``kind`` "gid", do the same for groups.
    """
    try:
        if number != _overflow(kind):
            return False
        lines = _read(f"/proc/self/{kind}_map").splitlines()
        mapped = [[int(number) for number in line.split()] for line in lines]
    except (OSError, ValueError):
        return number == 65534  # without /proc: the kernel's default, and the safe assumption
    # In the initial user namespace all ids are mapped, so the number belongs to a real user.
    return mapped != [[0, 0, (1 << 32) - 1]]


# A setting of the host's kernel; needed for each new generation, so it is read once.
_overflow_ids: dict[str, int] = {}


def _overflow(kind: str) -> int:
    found = _overflow_ids.get(kind)
    if found is None:
        found = _overflow_ids[kind] = int(_read(f"/proc/sys/kernel/overflow{kind}"))
    return found


def _read(path: str) -> bytes:
    """Return the content of a small file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 1 << 16)
    finally:
        os.close(fd)


def open_trusted(name: str, trust: Trust) -> tuple[int, os.stat_result]:
    """Open ``name`` for reading; return its descriptor and status.

    Raise Gone, SnapshotPermissionError, UntrustedSegment, or SnapshotError if this process cannot
    open any file (no descriptor is left).
    """
    try:
        # The flags of shm_open(3), and O_NONBLOCK: opening must not block if another user put a
        # FIFO in the object's place.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(SHM_DIR + name, flags)
    except FileNotFoundError:
        raise Gone(name) from None
    except PermissionError:
        raise SnapshotPermissionError(name, _who_may_read(name, trust)) from None
    except BlockingIOError:
        raise Gone(name) from None  # its publisher holds a lease because it is removing it
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
    """Return all that is needed to get access to the object and to trust its owner."""
    try:
        status = os.stat(SHM_DIR + name)
    except OSError:
        return "ask the daemon's operator for its group"
    try:
        trust.check_owner(name, status)
    except UntrustedSegment as untrusted:
        return f"{untrusted.reason}; {untrusted.advice}"
    return _how_to_join(status)


def _how_to_join(status: os.stat_result) -> str:
    """Return how a user gets read access to an object with this ``status``."""
    if is_unmapped(status.st_gid, "gid"):
        return f"its group cannot be seen from this user namespace; {_HOW_TO_SEE}"
    if not status.st_mode & stat.S_IRGRP:
        mode = stat.S_IMODE(status.st_mode)
        return f"give its daemon another --mode or --group (its mode is {mode:04o})"
    if status.st_gid == 0:
        # Never "join the group root": it may read much more than this.
        return "give its daemon a --group that this user is in (its group is root)"
    try:
        import grp  # only needed here; a process without permissions may fail to load it

        group = grp.getgrgid(status.st_gid).gr_name
    except (ImportError, OSError, KeyError):
        return "ask the daemon's operator for its group"
    return f"join the group {group!r} (systemd: SupplementaryGroups={group})"


def _how_to_trust(user: str) -> str:
    return f"trust it (--owner {user}, in Python owner={user!r}, or DDBCFG_OWNER={user})"


def _user_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
