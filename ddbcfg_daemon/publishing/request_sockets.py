"""The two sockets of a store on which requests come, in /dev/shm next to its control page.

There, so that a container that shares /dev/shm has them too.  They are all that others than the
daemon's user may write, and a socket cannot be mapped, truncated or filled.
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

    def open(self) -> None:
        """Make them in the place of any that are left; raises ForeignObject and GroupRefused."""
        if self._listen is None:
            return
        made: list[Listening] = []
        try:
            made.append(self._make(self._names.requests, self._access.may_connect, False))
            made.append(self._make(self._names.admin, PRIVATE, True))
        except BaseException:
            self._take_names_away()  # unless both are there, the next renew() makes both
            for listening in made:
                listening.socket.close()
            raise
        self._listen(made)

    def renew(self) -> bool:
        """Make them anew if somebody removed or replaced one; return whether that was so."""
        if self._listen is None:
            return False
        if self._made and all(_identity(path) == made for path, made in self._made.items()):
            return False
        self.open()
        return True

    def close(self) -> None:
        """Take their names away and hang up."""
        if self._listen is None:
            return
        self._take_names_away()
        self._listen(())

    def _take_names_away(self) -> None:
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
                # By its path: fchmod of a socket does nothing.  Nobody can connect before listen.
                _give_to(new, self._access)
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
