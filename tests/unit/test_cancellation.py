"""Ending what an abandoned reading does in the network, and nothing of anybody else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool

from ddbcfg_daemon.errors import ReadingAbandoned
from ddbcfg_daemon.sources.cancellation import Cancellation, make_cancellable

LATE = 20.0


class Connection:
    """What botocore has for each connection."""

    def __init__(self, sock: socket.socket | None) -> None:
        self.sock = sock
        self.cancellation: Cancellation | None = None


@pytest.fixture
def connected() -> Iterator[tuple[Any, socket.socket]]:
    """A connection as botocore has it, and the other side of its socket."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Connection(ours), theirs


def test_what_another_thread_waits_for_ends_at_once(
    connected: tuple[Any, socket.socket],
) -> None:
    connection, _ = connected
    cancellation = Cancellation()
    received: list[bytes] = []
    waits = threading.Event()

    def read() -> None:
        with cancellation:
            cancellation.use(connection)
            waits.set()
            received.append(connection.sock.recv(1))

    thread = threading.Thread(target=read)
    thread.start()
    assert waits.wait(LATE)
    cancellation.cancel()
    thread.join(LATE)
    assert received == [b""]


def test_what_is_requested_after_it_is_refused(
    connected: tuple[Any, socket.socket],
) -> None:
    connection, _ = connected
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(ReadingAbandoned):
        cancellation.use(connection)


def test_a_pooled_connection_that_another_reading_uses_by_now_goes_on(
    connected: tuple[Any, socket.socket],
) -> None:
    connection, theirs = connected
    mine, other = Cancellation(), Cancellation()
    mine.use(connection)
    other.use(connection)
    mine.cancel()
    theirs.sendall(b"x")
    assert connection.sock.recv(1) == b"x"


def test_a_connection_that_is_closed_or_not_made_yet_does_no_harm(
    connected: tuple[Any, socket.socket],
) -> None:
    closed, _ = connected
    cancellation = Cancellation()
    cancellation.use(closed)
    cancellation.use(Connection(None))
    closed.sock.close()
    cancellation.cancel()


def test_botocores_connections_are_made_cancellable_once() -> None:
    make_cancellable()
    classes = [pool.ConnectionCls for pool in (AWSHTTPConnectionPool, AWSHTTPSConnectionPool)]
    make_cancellable()
    assert classes == [AWSHTTPConnectionPool.ConnectionCls, AWSHTTPSConnectionPool.ConnectionCls]
    for kind in classes:
        connection: Any = kind("127.0.0.1", 1)
        with Cancellation() as cancellation:
            cancellation.cancel()
            with pytest.raises(ReadingAbandoned):
                connection.connect()
            with pytest.raises(ReadingAbandoned):
                connection.request("GET", "/")


def test_what_is_cancelled_while_it_connects_requests_nothing() -> None:
    make_cancellable()
    cancellation = Cancellation()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection: Any = AWSHTTPConnectionPool.ConnectionCls(*listener.getsockname())
        new = connection._new_conn

        def cancel_meanwhile() -> socket.socket:
            made: socket.socket = new()
            cancellation.cancel()  # when there is no socket yet that it could end
            return made

        connection._new_conn = cancel_meanwhile
        with cancellation, pytest.raises(ReadingAbandoned):
            connection.connect()
        connection.close()
