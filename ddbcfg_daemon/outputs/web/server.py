"""The server: one thread for all connections, which are limited in number, time and size.

The thread never waits for a client.  After a turn of bounded work it rests as long as it worked.
So it takes at most half of a core, whatever clients send, and polls continue.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from contextlib import suppress

from ddbcfg_daemon.exits import log_fault
from ddbcfg_daemon.outputs.web.connection import Connection, Phase, Respond
from ddbcfg_daemon.outputs.web.listening import Listener

log = logging.getLogger("ddbcfg.daemon")

MOST = 64  # connections
_AT_ONCE = 16  # connections that are accepted before the others are served
_TICK = 0.5  # seconds between two looks for connections whose time is over
_PAUSE = 0.1  # seconds after no connection could be accepted
TURN = 0.1  # seconds of work after which the thread rests; one response may take longer


class Server:
    """Serves ``respond`` on the socket of ``listener`` until ``close``."""

    def __init__(self, listener: Listener, respond: Respond) -> None:
        self._listener = listener
        self._respond = respond
        self._connections: dict[int, Connection] = {}  # oldest first
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._closing = threading.Event()
        self._selector.register(listener.socket, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        # daemon=True: the end of the process does not wait for it.
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, close all connections, release the address."""
        if self._closing.is_set():
            return
        self._closing.set()
        os.write(self._wake_write, b"x")
        self._thread.join(1.0)  # it is idle, or makes a response
        if not self._thread.is_alive():
            for connection in self._connections.values():
                connection.close()
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)
        self._listener.close()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            ready = self._selector.select(_TICK)
            began = time.monotonic()
            try:
                # The listener last: new connections must not starve those that were accepted.
                ready.sort(key=lambda one: one[0].fileobj is self._listener.socket)
                for key, _ in ready:
                    self._serve(key.fileobj, began + TURN)
                    if time.monotonic() >= began + TURN:
                        break  # the others are ready in the next turn, too
                self._end_late(time.monotonic())
            except MemoryError:
                self._end_late(float("inf"))
            except Exception as fault:  # noqa: BLE001 - a bug; the next request may succeed
                log_fault("http", fault)
                self._end_late(float("inf"))
            self._closing.wait(time.monotonic() - began)

    def _serve(self, what: object, until: float) -> None:
        if what is self._listener.socket:
            self._accept(until)
        elif isinstance(what, socket.socket):
            connection = self._connections.get(what.fileno())
            if connection is not None and connection.socket is what:
                self._go_on(connection)

    def _accept(self, until: float) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, _address = self._listener.socket.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptor or no memory left
                self._closing.wait(_PAUSE)
                return
            if len(self._connections) >= MOST:
                self._make_room()
            connection = Connection(sock, self._respond)
            self._connections[sock.fileno()] = connection
            self._selector.register(sock, selectors.EVENT_READ)
            self._go_on(connection)  # most requests are there already
            if time.monotonic() >= until:
                return

    def _make_room(self) -> None:
        """Close the oldest connection, preferably one with its response or without a request."""
        idle = (one for one in self._connections.values() if not one.writes)
        self._end(next(idle, next(iter(self._connections.values()))))

    def _go_on(self, connection: Connection) -> None:
        number, wrote = connection.socket.fileno(), connection.writes
        try:
            connection.go_on()
        except MemoryError:
            raise
        except Exception as fault:  # noqa: BLE001 - a bug; the other connections continue
            log_fault("http", fault)
            connection.close()
        if connection.phase is Phase.CLOSED:
            self._connections.pop(number, None)
            with suppress(KeyError, ValueError):
                self._selector.unregister(number)
        elif connection.writes != wrote:
            events = selectors.EVENT_WRITE if connection.writes else selectors.EVENT_READ
            self._selector.modify(connection.socket, events)

    def _end_late(self, now: float) -> None:
        for connection in [one for one in self._connections.values() if one.deadline < now]:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        number = connection.socket.fileno()
        self._connections.pop(number, None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)
        connection.close()
