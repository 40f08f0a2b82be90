"""Talking to systemd: sd_notify(3), without a library for one datagram."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends states to the service manager; does nothing when there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        pid = environment.get("WATCHDOG_PID", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "0")
        #: Seconds within which the watchdog wants to be fed; 0 when there is none.
        self.watchdog = int(microseconds) / 1e6 if pid == str(os.getpid()) else 0.0

    def send(self, *states: str) -> None:
        """Send states such as ``READY=1``, ``STATUS=…`` or ``WATCHDOG=1``."""
        if not self._address:
            return
        # "@" stands for the zero byte of Linux's abstract sockets.
        address = self._address.replace("@", "\0", 1) if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            try:
                # A state is one line: an error's text must not be able to say READY=1.
                lines = (" ".join(state.splitlines()) for state in states)
                sender.sendto("\n".join(lines).encode(), address)
            except OSError:
                pass  # a manager that is not listening must not end the service
