"""Notify systemd with sd_notify(3); the protocol is one datagram, so no library is needed."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from ddbcfg_client.printable import printable

# systemd ignores a longer message altogether (NOTIFY_BUFFER_MAX, which is PIPE_BUF).
_LONGEST = 4096  # bytes
_STATUS = "STATUS="


class Notifier:
    """Sends states to the service manager; does nothing if there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        pid = environment.get("WATCHDOG_PID", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "0")
        mine = pid == str(os.getpid()) and microseconds.isascii() and microseconds.isdigit()
        #: Seconds within which the watchdog expects a message; 0 if there is no watchdog.
        self.watchdog = int(microseconds) / 1e6 if mine else 0.0

    def send(self, *states: str) -> bool:
        """Send states such as ``READY=1`` or ``STATUS=…``; return whether they arrived.

        Never waits: if the manager does not read and its queue is full, the states are lost.
        """
        if not self._address:
            return True
        # "@" stands for the zero byte of Linux's abstract sockets.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind) as sender:
                sender.sendto(_message(states), address)
        except OSError:
            return False  # the service continues without a manager that listens
        return True


def _message(states: tuple[str, ...]) -> bytes:
    """Return the datagram; a status that is too long for it is truncated."""
    # A state is one line, so that the text of an error cannot contain READY=1.
    # Text from outside must not send escape sequences to a terminal.
    lines = [printable(" ".join(state.splitlines())) for state in states]
    parts = [line.encode() for line in lines]
    excess = sum(map(len, parts)) + len(parts) - _LONGEST
    if excess > 0:
        for number, line in enumerate(lines):
            if line.startswith(_STATUS):
                left = max(len(_STATUS), len(parts[number]) - excess)
                parts[number] = parts[number][:left].decode("utf-8", "ignore").encode()
    return b"\n".join(parts)
