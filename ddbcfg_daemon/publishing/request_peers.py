"""The peers of the request server: the state of a connection, and the limits on connections."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Collection

from ddbcfg_client.format.request import BUSY, FORBIDDEN, Response
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.steering import Job

A_USER = 4  # connections that one user may have open
IN_ALL = 64  # connections that all users may have open, not counting those to admin sockets
TO_SEND = 1.0  # seconds within which a peer must send its request
_CREDENTIALS = struct.Struct("=iII")


class Connection:
    """The connection of one peer.

    After its request, ``after`` is the number of the last poll that is too old for it, or
    ``job`` is its request if that is not a poll.
    """

    __slots__ = ("admin", "after", "deadline", "job", "polls", "received", "socket", "uid")

    def __init__(self, peer: socket.socket, polls: PollRequests, admin: bool) -> None:
        self.socket = peer
        self.uid = _uid_of(peer)
        self.polls = polls
        self.admin = admin
        self.received = bytearray()
        self.deadline: float | None = time.monotonic() + TO_SEND
        self.after: int | None = None
        self.job: Job | None = None

    @property
    def has_asked(self) -> bool:
        """Whether its request was received."""
        return self.after is not None or self.job is not None


class Admission:
    """Decides which peers may stay."""

    def __init__(self) -> None:
        self._admins = (0, os.geteuid())
        self._nobody = _overflow_uid()

    def refusal(self, newcomer: Connection, present: Collection[Connection]) -> Response | None:
        """Return why ``newcomer`` is refused, with ``present`` open already; None if admitted."""
        if newcomer.uid == self._nobody:
            who = f"uid {newcomer.uid} stands for users of other user namespaces"
            why = f"{who}, so the peer cannot be identified; send the request as another user"
            return Response(FORBIDDEN, why)
        if newcomer.admin and newcomer.uid not in self._admins:
            return Response(FORBIDDEN, "only root and the daemon's own user may do this")
        others = [one for one in present if one.admin == newcomer.admin]
        if sum(one.uid == newcomer.uid for one in others) >= A_USER:
            why = f"{A_USER} connections of uid {newcomer.uid} are open already"
            return Response(BUSY, why, newcomer.polls.begun)
        if not newcomer.admin and len(others) >= IN_ALL:
            return Response(BUSY, f"{IN_ALL} connections are open already", newcomer.polls.begun)
        return None


def _uid_of(peer: socket.socket) -> int:
    # The pid is not used: it is 0 for a peer in another PID namespace.
    found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(found)[1]
    return uid


def _overflow_uid() -> int:
    """Return the uid that the kernel shows for every user without a uid in this namespace."""
    try:
        with open("/proc/sys/kernel/overflowuid", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 65534
