"""Cancel the network requests of an abandoned reading.

A response can arrive byte by byte forever, each byte just within the socket's timeout, and
botocore cannot end a request from another thread.  So the connections that it creates record which
reading uses them, and cancelling shuts their sockets down: a wait in another thread ends at once
with an error.  Retries are refused before they connect.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Event, Lock, local
from types import TracebackType
from typing import Any, Self

from ddbcfg_daemon.errors import ReadingAbandoned

_current = local()


class Cancellation:
    """Lets another thread cancel the requests that a thread makes inside a ``with`` block of it.

    ``paused`` is the number of seconds for which the thread was to ``pause``.
    """

    def __init__(self) -> None:
        self.paused = 0.0
        self._lock = Lock()
        self._cancelled = Event()
        self._connections: set[Any] = set()

    def __enter__(self) -> Self:
        _current.cancellation = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del _current.cancellation

    def use(self, connection: Any) -> None:
        """Record that this thread uses ``connection``; raise ReadingAbandoned if cancelled."""
        with self._lock:
            if self._cancelled.is_set():
                raise ReadingAbandoned
            connection.cancellation = self
            self._connections.add(connection)

    def pause(self, seconds: float) -> None:
        """Return after ``seconds``; raise ReadingAbandoned as soon as it is cancelled."""
        self.paused += seconds
        if self._cancelled.wait(seconds):
            raise ReadingAbandoned

    def cancel(self) -> None:
        """End the request that the thread waits for, and refuse further ones."""
        with self._lock:
            self._cancelled.set()
            # Connections are pooled: another reading may use one of them now.
            used = [c for c in self._connections if c.cancellation is self]
        for connection in used:
            if connection.sock is not None:
                with suppress(OSError):  # the connection is closed already
                    # Not the TLS socket's own method: other threads must not call it.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def pause(seconds: float) -> None:
    """Return after ``seconds``; raise ReadingAbandoned if the thread's requests are cancelled."""
    cancellation: Cancellation | None = getattr(_current, "cancellation", None)
    if cancellation is None:
        time.sleep(seconds)
    else:
        cancellation.pause(seconds)


def make_cancellable() -> None:
    """Make all connections that botocore creates in this process cancellable."""
    from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool

    for pool in (AWSHTTPConnectionPool, AWSHTTPSConnectionPool):
        plain: Any = pool.ConnectionCls
        if not issubclass(plain, _Cancellable):
            pool.ConnectionCls = type(plain.__name__, (_Cancellable, plain), {})


class _Cancellable:
    """A mixin for botocore's connection classes."""

    cancellation: Cancellation | None = None
    sock: Any

    def connect(self) -> None:
        _use(self)
        super().connect()  # type: ignore[misc]
        _use(self)  # again: before this point there was no socket to shut down

    def request(self, *args: Any, **kwargs: Any) -> Any:
        _use(self)
        return super().request(*args, **kwargs)  # type: ignore[misc]


def _use(connection: _Cancellable) -> None:
    cancellation: Cancellation | None = getattr(_current, "cancellation", None)
    if cancellation is None:
        connection.cancellation = None
    else:
        cancellation.use(connection)
