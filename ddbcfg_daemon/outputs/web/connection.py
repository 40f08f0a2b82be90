"""One connection: it reads one request, sends one response and closes, each in limited time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from http import HTTPStatus

import h11

from ddbcfg_daemon.outputs.web.messages import Request, Response, text

Respond = Callable[[Request], Response]

_HEAD_LARGEST = 8192  # bytes of a request's line and headers
_REQUEST_TIME = 5.0  # seconds for a whole request
_RESPONSE_TIME = 5.0  # seconds for a client to receive the whole response
_CLOSING_TIME = 1.0  # seconds for a client to close after that
_READ = 16384


class Phase(Enum):
    """What the connection waits for."""

    REQUEST = "request"
    RESPONSE = "response"
    CLOSING = "closing"
    CLOSED = "closed"


class Connection:
    """A connection on a socket that does not block; call ``go_on`` when the socket is ready."""

    def __init__(self, sock: socket.socket, respond: Respond) -> None:
        self.socket = sock
        self.phase = Phase.REQUEST
        self.deadline = time.monotonic() + _REQUEST_TIME
        self._respond = respond
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LARGEST)
        self._rest = memoryview(b"")
        sock.setblocking(False)

    @property
    def writes(self) -> bool:
        """Whether it waits until the socket takes bytes, not until it has some."""
        return self.phase is Phase.RESPONSE

    def go_on(self) -> None:
        """Do what is possible without waiting."""
        try:
            if self.phase is Phase.REQUEST:
                self._read()
            elif self.phase is Phase.RESPONSE:
                self._write()
            elif self.phase is Phase.CLOSING and not self.socket.recv(_READ):
                self.close()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:  # the client is gone
            self.close()

    def close(self) -> None:
        """Close it at once."""
        self.phase = Phase.CLOSED
        self.socket.close()

    def _read(self) -> None:
        raw = self.socket.recv(_READ)
        try:
            self._protocol.receive_data(raw)
            event = self._protocol.next_event()
        except h11.RemoteProtocolError as error:
            # Without the error's text, which quotes the request.
            status = error.error_status_hint
            line = "the request is too large" if status == 431 else "this is not HTTP/1.1"
            self._send("GET", text(status, line))
            return
        if isinstance(event, h11.Request):
            # A body and further requests are not read: the connection closes after the response.
            self._send(event.method.decode(), self._respond(_request(event)))
        elif not raw or event is not h11.NEED_DATA:
            self.close()

    def _send(self, method: str, response: Response) -> None:
        status = HTTPStatus(response.status)
        head = h11.Response(
            status_code=status.value, reason=status.phrase, headers=response.headers
        )
        raw = self._protocol.send(head) or b""
        if method != "HEAD":
            raw += response.body
        self._rest = memoryview(raw)
        self.phase = Phase.RESPONSE
        self.deadline = time.monotonic() + _RESPONSE_TIME
        self._write()

    def _write(self) -> None:
        while self._rest:
            self._rest = self._rest[self.socket.send(self._rest) :]
        # If bytes of the client are unread at close(), the kernel resets the connection, and the
        # client may lose the response.
        self.phase = Phase.CLOSING
        self.deadline = time.monotonic() + _CLOSING_TIME
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)


def _request(event: h11.Request) -> Request:
    found: dict[bytes, list[str]] = {}
    for name, value in event.headers:
        found.setdefault(name, []).append(value.decode("latin-1"))
    return Request(
        method=event.method.decode(),
        target=event.target.decode("latin-1"),
        accept=",".join(found.get(b"accept", [])),
        hosts=tuple(found.get(b"host", [])),
    )
