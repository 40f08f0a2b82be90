"""Ending what an abandoned reading still does in the network.

A response can come byte by byte for ever, each just within the socket's timeout, and botocore has
no way to end a request from outside.  So the connections that it makes note on whose behalf they
are used, and cancelling shuts their sockets down: a wait in another thread ends at once, with an
error.  What is then tried again is refused before it connects.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, local
from types import TracebackType
from typing import Any, Self

from ddbcfg_daemon.errors import ReadingAbandoned

_current = local()


class Cancellation:
    """What one thread requests in a ``with`` of it can be cancelled by another thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cancelled = False
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
        """Note that the thread uses *connection*; raise ReadingAbandoned after :meth:`cancel`."""
        with self._lock:
            if self._cancelled:
                raise ReadingAbandoned
            connection.cancellation = self
            self._connections.add(connection)

    def cancel(self) -> None:
        """End what the thread waits for, and refuse what it requests from now on."""
        with self._lock:
            self._cancelled = True
            # Connections are pooled: one of them may be another reading's by now.
            used = [c for c in self._connections if c.cancellation is self]
        for connection in used:
            if connection.sock is not None:
                with suppress(OSError):  # it has ended
                    # Not the TLS socket's own method, which is not for other threads.
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def make_cancellable() -> None:
    """Have all connections that botocore makes in this process obey cancellations."""
    from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool

    for pool in (AWSHTTPConnectionPool, AWSHTTPSConnectionPool):
        plain: Any = pool.ConnectionCls
        if not issubclass(plain, _Cancellable):
            pool.ConnectionCls = type(plain.__name__, (_Cancellable, plain), {})


class _Cancellable:
    """Mixed into botocore's classes of connections."""

    cancellation: Cancellation | None = None
    sock: Any

    def connect(self) -> None:
        _use(self)
        super().connect()  # type: ignore[misc]
        _use(self)  # only from here on is there a socket that cancelling can end

    def request(self, *args: Any, **kwargs: Any) -> Any:
        _use(self)
        return super().request(*args, **kwargs)  # type: ignore[misc]


def _use(connection: _Cancellable) -> None:
    cancellation: Cancellation | None = getattr(_current, "cancellation", None)
    if cancellation is None:
        connection.cancellation = None
    else:
        cancellation.use(connection)
