"""The two sockets of a store on which requests come, in /dev/shm next to its control page.

There, so that a container that shares /dev/shm has them too.  They are all that others than the
daemon's user may write, and a socket cannot be mapped, truncated or filled.
"""

from __future__ import annotations

import os
import secrets
import socket
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import SHM_DIR, Identity
from ddbcfg_daemon.errors import GroupRefused
from ddbcfg_daemon.publishing.objects import PRIVATE, Access, clear_the_way, path_of

_QUEUE = 64  # connections that wait to be accepted, which takes the server's thread a moment


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens, not blocking; ``admin`` if it is for the daemon's user and root."""

    socket: socket.socket
    admin: bool


Listen = Callable[[Sequence[Listening]], None]


class RequestSockets:
    """The sockets of one store.  To be used by the holder of its writer lock.

    *listen* is called with the sockets whenever they are made, and with none at the end; they are
    its own then, and so is closing them.  Without it, none are made.
    """

    def __init__(self, names: Names, access: Access, listen: Listen | None) -> None:
        self._names = names
        self._access = access
        self._listen = listen
        self._made: dict[Path, Identity] = {}
        # A short name, whatever the store's is: an address has room for 108 bytes.
        self._new = f"ddbcfg~{sha256(names.page.encode()).hexdigest()[:32]}~"

    def open(self) -> None:
        """Make them in the place of any that are left; raises ForeignObject and GroupRefused."""
        if self._listen is None:
            return
        self._sweep()
        made: list[Listening] = []
        try:
            made.append(self._make(self._names.requests, self._access.may_connect, False))
            made.append(self._make(self._names.admin, PRIVATE, True))
        except BaseException:
            for listening in made:
                listening.socket.close()
            raise
        self._listen(made)

    def renew(self) -> bool:
        """Make them anew if somebody removed or replaced one; return whether that was so."""
        if all(_identity(path) == identity for path, identity in self._made.items()):
            return False
        self.open()
        return True

    def close(self) -> None:
        """Take their names away and hang up."""
        if self._listen is None or not self._made:
            return
        for path, identity in self._made.items():
            if _identity(path) == identity:
                path.unlink(missing_ok=True)
        self._made.clear()
        self._listen(())

    def _make(self, name: str, mode: int, admin: bool) -> Listening:
        # Under a random name, where nobody can be first, until it is all that it is to be.
        new = path_of(f"/{self._new}{secrets.token_hex(8)}")
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            made.bind(str(new))
            try:
                # By its path: fchmod of a socket does nothing.  Nobody can connect before listen.
                _give_to(new, self._access)
                new.chmod(mode)
                made.listen(_QUEUE)
                self._put_in_place(new, path_of(name), name)
            except BaseException:
                new.unlink(missing_ok=True)
                raise
        except BaseException:
            made.close()
            raise
        return Listening(made, admin)

    def _put_in_place(self, new: Path, path: Path, name: str) -> None:
        identity = _identity(new)
        assert identity is not None
        try:
            new.rename(path)
        except OSError:
            clear_the_way(path, name)  # a directory, or a stranger's
            new.rename(path)
        self._made[path] = identity

    def _sweep(self) -> None:
        """Remove what a daemon left that was killed while it made them."""
        for file in os.listdir(SHM_DIR):
            if file.startswith(self._new):
                path = path_of(f"/{file}")
                with suppress(FileNotFoundError, PermissionError):
                    if stat.S_ISSOCK(path.lstat().st_mode):
                        path.unlink()


def _give_to(path: Path, access: Access) -> None:
    if access.group == -1 and access.owner == -1:
        return
    try:
        os.chown(path, access.owner, access.group)
    except PermissionError:
        raise GroupRefused(access.group) from None


def _identity(path: Path) -> Identity | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
