"""The thread that receives the requests for all stores of a daemon, and responds to them.

Every reader of a store may connect, so the cost of a peer is limited: connections are limited for
each user and in total, a request is a short line that must arrive within a second, and the response
is sent in one attempt.  The thread never waits for a peer.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Self

from ddbcfg_client.format.request import (
    ACCEPT,
    EXPLAIN,
    FORBIDDEN,
    FULL,
    GENERATIONS,
    LAYERS,
    LONGEST_REQUEST,
    MALFORMED,
    PIN,
    POLL,
    STOPPING,
    UNKNOWN,
    UNPIN,
    Request,
    Response,
    pack_response,
    parse_request,
)
from ddbcfg_daemon.exits import log_fault
from ddbcfg_daemon.publishing import request_peers
from ddbcfg_daemon.publishing.poll_requests import PollRequests
from ddbcfg_daemon.publishing.request_peers import Admission, Connection
from ddbcfg_daemon.publishing.request_sockets import Listen, Listening

log = logging.getLogger("ddbcfg.daemon")

_PAUSE = 0.1  # seconds without accepting after accept() failed


def _poll(connection: Connection, request: Request) -> None:
    connection.after = connection.polls.ask_after(request.ticket)


def _full(connection: Connection, request: Request) -> None:
    connection.after = connection.polls.ask_after(full=True)


def _accept(connection: Connection, request: Request) -> None:
    connection.after = connection.polls.ask_after(accept=True)


def _steer(connection: Connection, request: Request) -> None:
    connection.job = connection.polls.steer(request, connection.uid)


# The operations of a request that need no poll.
_AT_ONCE = (LAYERS, EXPLAIN)
# The others, by the kind of socket.
_FOR_ALL: Mapping[str, Callable[[Connection, Request], None]] = {POLL: _poll}
_FOR_ADMIN = {
    **_FOR_ALL,
    FULL: _full,
    ACCEPT: _accept,
    **dict.fromkeys((PIN, UNPIN, GENERATIONS), _steer),
}


class RequestServer:
    """Serves the request sockets of all stores; a context manager."""

    def __init__(self) -> None:
        self._admission = Admission()
        self._selector = selectors.DefaultSelector()
        self._listening: dict[PollRequests, Sequence[Listening]] = {}
        self._connections: set[Connection] = set()
        # Calls from other threads: only the server's thread uses the sockets and the selector.
        self._calls: deque[Callable[[], None]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._bell, selectors.EVENT_READ, self._run_calls)
        self._paused_until: float | None = None
        self._warned = False
        self._ended = False
        self._lock = threading.Lock()  # so that no call is added after the end
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._send(self._end)
        self._thread.join()

    def listener(self, polls: PollRequests) -> Listen:
        """Return ``listen`` for the RequestSockets of a store; ``polls`` gets the requests."""
        polls.on_end = lambda: self._send(lambda: self._respond_to_waiting(polls))
        return lambda sockets: self._send(lambda: self._listen(polls, sockets))

    # --- from other threads ----------------------------------------------------------------------

    def _send(self, call: Callable[[], None]) -> None:
        with self._lock:
            if not self._ended:
                self._calls.append(call)
                os.eventfd_write(self._bell, 1)

    def _run_calls(self) -> None:
        os.eventfd_read(self._bell)
        while self._calls:
            self._calls[0]()
            self._calls.popleft()  # afterwards: if memory ran out, it is run again

    def _listen(self, polls: PollRequests, sockets: Sequence[Listening]) -> None:
        for old in self._listening.pop(polls, ()):
            if self._paused_until is None:
                self._selector.unregister(old.socket)
            old.socket.close()
        if not sockets:
            polls.forget()
            why = Response(STOPPING, "the daemon stops serving this store")
            for connection in self._of(polls):
                self._respond(connection, why)
            return
        self._listening[polls] = sockets
        if self._paused_until is None:
            self._register(polls, sockets)

    def _end(self) -> None:
        for polls in list(self._listening):
            self._listen(polls, ())
        with self._lock:
            self._ended = True

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._ended:
                try:
                    self._serve()
                except MemoryError:
                    # Another part of this process uses all the memory, and will fail or end soon.
                    self._log_once("the request sockets are not served: no memory")
                    time.sleep(_PAUSE)
                    os.eventfd_write(self._bell, 1)  # for the remaining calls
        except BaseException as error:  # noqa: BLE001 - logged here; polls continue without requests
            log_fault("request sockets, which are no longer served", error)
        finally:
            with suppress(Exception):  # it may fail again with the same error
                self._end()
            self._selector.close()
            os.close(self._bell)

    def _serve(self) -> None:
        """Wait for events and handle them."""
        for key, _ in self._selector.select(self._patience()):
            key.data()
        self._close_overdue()

    def _patience(self) -> float | None:
        """Return the seconds until the next deadline; None if there is none."""
        times = [one.deadline for one in self._connections if one.deadline is not None]
        if self._paused_until is not None:
            times.append(self._paused_until)
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _close_overdue(self) -> None:
        now = time.monotonic()
        for connection in list(self._connections):
            if connection.deadline is not None and now >= connection.deadline:
                why = f"no request received within {request_peers.TO_SEND:g} s"
                self._respond(connection, Response(MALFORMED, why))
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
            for polls, sockets in self._listening.items():
                self._register(polls, sockets)

    def _register(self, polls: PollRequests, sockets: Sequence[Listening]) -> None:
        for one in sockets:
            if one.socket not in self._selector.get_map():
                self._selector.register(one.socket, selectors.EVENT_READ, self._door(one, polls))

    def _door(self, listening: Listening, polls: PollRequests) -> Callable[[], None]:
        return lambda: self._let_in(listening, polls)

    def _let_in(self, listening: Listening, polls: PollRequests) -> None:
        if listening.socket.fileno() < 0:
            return  # a call closed it after select() returned
        try:
            peer, _ = listening.socket.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            self._pause_accepting(error)
            return
        self._warned = False
        peer.setblocking(False)
        connection = Connection(peer, polls, listening.admin)
        refusal = self._admission.refusal(connection, self._connections)
        self._connections.add(connection)
        self._selector.register(peer, selectors.EVENT_READ, lambda: self._read(connection))
        if refusal is not None:
            self._respond(connection, refusal)

    def _pause_accepting(self, error: OSError) -> None:
        """Stop accepting for a while: the sockets stay ready, so the loop would spin."""
        if self._paused_until is not None:
            return  # select() returned several sockets, and another one failed first
        self._log_once(f"a connection to a request socket was not accepted: {error}")
        for sockets in self._listening.values():
            for one in sockets:
                self._selector.unregister(one.socket)
        self._paused_until = time.monotonic() + _PAUSE

    def _log_once(self, warning: str) -> None:
        """Log ``warning``; later ones are dropped until a connection is accepted again."""
        if not self._warned:
            self._warned = True
            log.warning("%s", warning)

    def _read(self, connection: Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        try:
            data = connection.socket.recv(LONGEST_REQUEST + 1 - len(connection.received))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.received += data
        line, end, rest = connection.received.partition(b"\n")
        if rest or connection.has_asked:
            self._respond(connection, Response(MALFORMED, "a connection is for one request"))
        elif end:
            self._take(connection, bytes(line))
        elif len(line) >= LONGEST_REQUEST:
            why = f"a request has at most {LONGEST_REQUEST} bytes"
            self._respond(connection, Response(MALFORMED, why))

    def _take(self, connection: Connection, line: bytes) -> None:
        operations = _FOR_ADMIN if connection.admin else _FOR_ALL
        try:
            request = parse_request(line)
        except ValueError as error:
            self._respond(connection, Response(MALFORMED, f"the request is malformed: {error}"))
            return
        if request.op in _AT_ONCE:
            self._respond(connection, Response(details=connection.polls.inquire(request)))
        elif request.op in operations:
            connection.deadline = None
            operations[request.op](connection, request)
            self._respond_to_waiting(connection.polls)
        elif request.op in _FOR_ADMIN:
            why = f"{request.op} is for root and the daemon's own user, over the admin socket"
            self._respond(connection, Response(FORBIDDEN, why))
        else:
            why = f"this daemon knows only {', '.join((*operations, *_AT_ONCE))}"
            self._respond(connection, Response(UNKNOWN, why))

    def _respond_to_waiting(self, polls: PollRequests) -> None:
        """Respond to all connections for which the last poll started late enough.

        And to those whose jobs are done.
        """
        for connection in self._of(polls):
            if connection.job is not None and connection.job.response is not None:
                self._respond(connection, connection.job.response)
                continue
            outcome = None if connection.after is None else polls.outcome_after(connection.after)
            if outcome is not None:
                response = Response(
                    generation=outcome.generation,
                    published=outcome.published,
                    held=outcome.held,
                    error=outcome.error,
                )
                self._respond(connection, response)

    def _of(self, polls: PollRequests) -> Iterator[Connection]:
        return iter([one for one in self._connections if one.polls is polls])

    def _respond(self, connection: Connection, response: Response) -> None:
        """Send the response and close; if the peer's buffer is full, the response is dropped."""
        try:
            connection.socket.send(pack_response(response), socket.MSG_NOSIGNAL)
        except OSError:
            pass
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
