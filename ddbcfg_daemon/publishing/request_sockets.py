"""The two request sockets of a store, in /dev/shm next to its control page.

They are in /dev/shm so that a container that shares it can reach them, too.  They are the only
objects that other users may write, and a socket cannot be mapped, truncated or filled.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Identity
from ddbcfg_daemon.errors import GroupRefused
from ddbcfg_daemon.publishing.objects import (
    PRIVATE,
    Access,
    path_of,
    put_in_place,
    temporary,
)

_QUEUE = 64  # connections that may wait until the server's thread accepts them


@dataclass(frozen=True, slots=True)
class Listening:
    """A non-blocking listening socket; ``admin`` if it is only for the daemon's user and root."""

    socket: socket.socket
    admin: bool


Listen = Callable[[Sequence[Listening]], None]


class RequestSockets:
    """The sockets of one store; only the holder of its writer lock may use this class.

    ``listen`` is called with the sockets whenever they are created, and with none at the end.  It
    owns the sockets and closes them.  Without ``listen``, no sockets are created.
    """

    def __init__(self, names: Names, access: Access, listen: Listen | None) -> None:
        self._names = names
        self._access = access
        self._listen = listen
        self._made: dict[Path, Identity] = {}

    def open(self) -> None:
        """Create the sockets, replacing old ones; raise ForeignObject and GroupRefused."""
        if self._listen is None:
            return
        made: list[Listening] = []
        try:
            made.append(self._make(self._names.requests, self._access.may_connect, False))
            made.append(self._make(self._names.admin, PRIVATE, True))
        except BaseException:
            self._remove_names()  # so that the next renew() creates both
            for listening in made:
                listening.socket.close()
            raise
        self._listen(made)

    def renew(self) -> bool:
        """Recreate the sockets if one was removed or replaced; return whether that was so."""
        if self._listen is None:
            return False
        if self._made and all(_identity(path) == made for path, made in self._made.items()):
            return False
        self.open()
        return True

    def close(self) -> None:
        """Remove the names and close the sockets."""
        if self._listen is None:
            return
        self._remove_names()
        self._listen(())

    def _remove_names(self) -> None:
        for path, identity in self._made.items():
            if _identity(path) == identity:
                path.unlink(missing_ok=True)
        self._made.clear()

    def _make(self, name: str, mode: int, admin: bool) -> Listening:
        hidden = temporary(self._names)
        new = path_of(hidden)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            made.bind(str(new))
            try:
                # By path: fchmod of a socket does nothing.  Nobody can connect before listen().
                _set_owner(new, self._access)
                new.chmod(mode)
                made.listen(_QUEUE)
                identity = _identity(new)
                assert identity is not None
                put_in_place(hidden, name)
                self._made[path_of(name)] = identity
            except BaseException:
                new.unlink(missing_ok=True)
                raise
        except BaseException:
            made.close()
            raise
        return Listening(made, admin)


def _set_owner(path: Path, access: Access) -> None:
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
