"""The listening socket of ``--http``."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from errno import EADDRINUSE
from pathlib import Path

from ddbcfg_daemon.errors import SettingRefused, SettingsFileRefused
from ddbcfg_daemon.settings.http_address import HttpAddress

_BACKLOG = 128
_PATIENCE = 1.0  # seconds that another daemon may take to accept a connection


class Listener:
    """The socket, which does not block, and where it listens."""

    def __init__(self, sock: socket.socket, address: HttpAddress) -> None:
        self.socket = sock
        self.address = address
        self._inode = _inode(address.path)

    def close(self) -> None:
        """Close the socket, and remove its name unless another process has taken that."""
        self.socket.close()
        if self._inode is not None and _inode(self.address.path) == self._inode:
            with suppress(OSError):
                os.unlink(self.address.path)


def listen(address: HttpAddress, origin: str) -> Listener:
    """Listen on ``address``, which was set by ``origin``; raise SettingRefused if that fails."""
    try:
        if address.path:
            return Listener(_unix(address.path), address)
        sock = _inet(address)
        return Listener(sock, HttpAddress(address.host, sock.getsockname()[1]))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno == EADDRINUSE:
            reason = "it is in use; stop what listens there, or set another address"
        raise _refused(f"cannot listen on {address}: {reason}", origin) from error


def _refused(reason: str, origin: str) -> SettingRefused:
    path, _, line = origin.rpartition(":")
    if path and line.isdigit():
        return SettingsFileRefused(path, int(line), f"http: {reason}")
    return SettingRefused(reason, "--http", "DDBCFG_HTTP")


def _inet(address: HttpAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        # Connections of the last daemon may still be ending.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address.host, address.port))
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _unix(path: str) -> socket.socket:
    """Listen under another name and rename it, which replaces what a killed daemon left."""
    _check_unused(path)
    new = f"{path}.{os.getpid()}"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with suppress(FileNotFoundError):
            os.unlink(new)
        sock.bind(new)
        os.chmod(new, 0o660)
        sock.listen(_BACKLOG)
        os.rename(new, path)
    except BaseException:
        sock.close()
        with suppress(OSError):
            os.unlink(new)
        raise
    return sock


def _check_unused(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(EADDRINUSE, "it is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return  # its process is gone
    raise OSError(EADDRINUSE, "another process listens there")


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).lstat() if path else None
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)
