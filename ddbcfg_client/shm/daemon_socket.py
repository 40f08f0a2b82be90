"""Sending requests to the daemon over its Unix sockets, which are next to the control page.

Connecting needs write permission on a socket.  The daemon gives it to all users that may read the
page.  It also works if /dev/shm is mounted read-only.
"""

from __future__ import annotations

import os
import random
import socket
import stat
import time
from dataclasses import replace

from ddbcfg_client.errors import ConfigError, UntrustedSegment
from ddbcfg_client.format.request import (
    BUSY,
    LONGEST_RESPONSE,
    Request,
    Response,
    pack_request,
    parse_response,
)
from ddbcfg_client.shm.trust import REMOVE, SHM_DIR, Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.format.names import Names

_FIRST_PAUSE = 0.02  # seconds before the first retry with a busy daemon; doubled each time
_LONGEST_PAUSE = 0.3
_LONGEST_WAIT = 3600.0  # seconds for one system call; socket timeouts have an upper limit


class NoDaemon(Exception):
    """No daemon listens on the socket."""


class NotAllowed(Exception):
    """This process may not connect; its argument says what to do."""


class NoResponse(Exception):
    """No response came; its argument is the reason."""


class TimedOut(Exception):
    """No response came in time; its argument is the daemon's last message, if there was one."""


def ask(
    names: Names, trust: Trust, request: Request, timeout: float, *, admin: bool = False
) -> Response:
    """Send ``request`` to the daemon of the store and return its response.

    With ``admin``, use the socket for root and the daemon's own user.  If the daemon is busy, retry
    until ``timeout`` seconds are over.  Raise NoDaemon, NotAllowed, UntrustedSegment, NoResponse or
    TimedOut.
    """
    name = names.admin if admin else names.requests
    deadline = time.monotonic() + timeout
    pause, said = _FIRST_PAUSE, ""
    while True:
        response = _try(name, trust, request, deadline, said)
        if response is not None:
            if response.refused != BUSY:
                return response
            said = response.why
            if request.ticket is None and response.ticket is not None:
                request = replace(request, ticket=response.ticket)
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(said)
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))
        pause = min(2 * pause, _LONGEST_PAUSE)


def daemon_is_listening(names: Names, trust: Trust) -> bool:
    """Return whether a daemon of a trusted user listens on the store's request socket.

    The daemon may run in another PID or mount namespace.  Return False too if this process may not
    connect.
    """
    try:
        connection = _connect(names.requests, trust)
    except (NoDaemon, NotAllowed, NoResponse, ConfigError):
        return False
    if connection is not None:
        connection.close()
    return True


def _try(name: str, trust: Trust, request: Request, deadline: float, said: str) -> Response | None:
    """Return the response to one attempt; None if the socket's queue is full."""
    connection = _connect(name, trust)
    if connection is None:
        return None
    with connection:
        try:
            connection.settimeout(min(max(deadline - time.monotonic(), 0.001), _LONGEST_WAIT))
            # A daemon that refuses responds without reading, so there is still a response to read.
            # MSG_NOSIGNAL: the program may have restored SIGPIPE's default action.
            connection.send(pack_request(request), socket.MSG_NOSIGNAL)
        except ConnectionError:
            pass
        except TimeoutError:
            raise TimedOut(said) from None
        line = _receive(connection, deadline, said)
    try:
        return parse_response(line)
    except ValueError as error:
        raise NoResponse(f"the daemon's response is malformed: {error}") from None


def _receive(connection: socket.socket, deadline: float, said: str) -> bytes:
    """Return the line that the daemon sends."""
    received = bytearray()
    while not received.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(said)
        connection.settimeout(min(left, _LONGEST_WAIT))
        try:
            data = connection.recv(LONGEST_RESPONSE)
        except TimeoutError:
            continue
        except OSError as error:
            raise NoResponse(f"the connection to the daemon broke ({error.strerror})") from None
        if not data:
            raise NoResponse("the daemon closed the connection without a response")
        received += data
        if len(received) > LONGEST_RESPONSE:
            raise NoResponse("the daemon's response is malformed: it is too long")
    return bytes(received)


def _connect(name: str, trust: Trust) -> socket.socket | None:
    """Return a connection to the socket ``name``; None if its queue is full."""
    try:
        # A socket cannot be opened.  With O_PATH its owner can be checked before connecting to the
        # same object.
        fd = os.open(SHM_DIR + name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NoDaemon from None
    except OSError as error:
        raise NoResponse(f"{name} cannot be opened ({error.strerror})") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISSOCK(status.st_mode):
            reason = "it is not a socket but another kind of file"
            raise UntrustedSegment(name, reason, REMOVE)
        trust.check_owner(name, status)
        return _connect_to(fd, name, status)
    finally:
        os.close(fd)


def _connect_to(fd: int, name: str, status: os.stat_result) -> socket.socket | None:
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise NoResponse(f"no socket can be made ({error.strerror})") from None
    try:
        # A Unix socket connects at once or not at all.  The descriptor's path is used because it is
        # short: the name's path can be longer than the 108 bytes of an address.
        connection.setblocking(False)
        connection.connect(f"/proc/self/fd/{fd}")
    except BlockingIOError:
        connection.close()
        return None
    except ConnectionRefusedError:
        connection.close()
        raise NoDaemon from None
    except PermissionError:
        connection.close()
        raise NotAllowed(_who_may_connect(status)) from None
    except FileNotFoundError:
        connection.close()
        raise NoResponse("connecting needs /proc, which is not mounted here") from None
    except OSError as error:
        connection.close()
        raise NoResponse(f"{name} cannot be connected to ({error.strerror})") from None
    return connection


def _who_may_connect(status: os.stat_result) -> str:
    """Return what to do to get access: which group to join."""
    mode = stat.S_IMODE(status.st_mode)
    if not mode & stat.S_IWGRP:
        return "only root and the daemon's own user may do this"
    try:
        import grp  # only needed for this message

        group = repr(grp.getgrgid(status.st_gid).gr_name)
    except (ImportError, OSError, KeyError):
        group = str(status.st_gid)
    how = f"join the group {group} (systemd: SupplementaryGroups=)"
    return f"this user may not send requests; {how}"
