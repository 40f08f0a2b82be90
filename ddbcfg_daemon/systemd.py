"""Talking to systemd: sd_notify(3), without a library for one datagram."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from ddbcfg_client.printable import printable

# systemd ignores the whole of a longer message (its NOTIFY_BUFFER_MAX, which is PIPE_BUF).
_LONGEST = 4096  # bytes
_STATUS = "STATUS="


class Notifier:
    """Sends states to the service manager; does nothing when there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        pid = environment.get("WATCHDOG_PID", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "0")
        mine = pid == str(os.getpid()) and microseconds.isascii() and microseconds.isdigit()
        #: Seconds within which the watchdog wants to be fed; 0 when there is none.
        self.watchdog = int(microseconds) / 1e6 if mine else 0.0

    def send(self, *states: str) -> bool:
        """Send states such as ``READY=1``, ``STATUS=…`` or ``WATCHDOG=1``; whether they arrived.

        Never waits: a manager that does not read loses what its queue cannot hold.
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
            return False  # a manager that is not listening must not end the service
        return True


def _message(states: tuple[str, ...]) -> bytes:
    """The datagram; a status that is too long for it is cut."""
    # A state is one line: an error's text must not be able to say READY=1.
    # And a text that came from elsewhere must not send a terminal escape sequences.
    lines = [printable(" ".join(state.splitlines())) for state in states]
    parts = [line.encode() for line in lines]
    excess = sum(map(len, parts)) + len(parts) - _LONGEST
    if excess > 0:
        for number, line in enumerate(lines):
            if line.startswith(_STATUS):
                left = max(len(_STATUS), len(parts[number]) - excess)
                parts[number] = parts[number][:left].decode("utf-8", "ignore").encode()
    return b"\n".join(parts)
