"""A proxy in front of an emulator that fails on command, and remembers every request.

It also refuses what the service refuses and no emulator does: bare attribute names in expressions.

with FaultProxy(url) as proxy:
    proxy.fail(THROTTLED)               # every request from here on
    proxy.fail(HANG, "Query", times=1)  # the next Query only
    proxy.wait_for(3)                   # until three requests have come
    proxy.heal()                        # all is well again; whoever hangs is let go
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from support.untraced import untraced

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message
    from typing import Self

PREFIX = "com.amazonaws.dynamodb.v20120810#"


@dataclass(frozen=True)
class Fault:
    """What is answered instead of the truth: ``make`` gets the true answer's body."""

    name: str
    status: int = 200
    make: Callable[[bytes], bytes] = bytes
    # How the connection ends: "whole", "short" (half of the body), "reset", "close", "hang".
    end: str = "whole"
    # Whether the emulator gets the request: what is lost then is the answer only.
    served: bool = True

    def __str__(self) -> str:
        return self.name


def refusal(name: str, status: int, code: str, message: str = "no") -> Fault:
    """A fault that is one of the service's own errors."""
    body = json.dumps({"__type": PREFIX + code, "message": message}).encode()
    return Fault(name, status, lambda _: body, served=False)


def _flip_one_letter(body: bytes) -> bytes:
    # The JSON stays valid, so that only the checksum tells.
    at = body.rindex(b'"}') - 1
    return body[:at] + (b"x" if body[at : at + 1] != b"x" else b"y") + body[at + 1 :]


THROTTLED = refusal("throttled", 400, "ProvisionedThroughputExceededException")
REQUEST_LIMIT = refusal("request limit", 400, "ThrottlingException")
EXPIRED = refusal("expired token", 400, "ExpiredTokenException")
UNKNOWN_KEY = refusal("unknown key", 400, "UnrecognizedClientException")
DENIED = refusal("access denied", 400, "AccessDeniedException")
ERROR_500 = refusal("500", 500, "InternalServerError")
PLAIN_503 = Fault("503", 503, lambda _: b"<h1>Service Unavailable</h1>", served=False)
HANG = Fault("hang", end="hang", served=False)
RESET = Fault("reset", end="reset", served=False)
CLOSED = Fault("closed", end="close", served=False)
LOST = Fault("answer lost", end="close")
TRUNCATED = Fault("truncated", end="short")
GARBAGE = Fault("garbage", make=lambda _: b"\x80\xff\x00 not json at all", served=False)
LOGIN_PAGE = Fault("login page", make=lambda _: b"<html>please log in</html>", served=False)
NO_ANSWER = Fault("empty object", make=lambda _: b"{}", served=False)
BAD_CHECKSUM = Fault("wrong checksum", make=_flip_one_letter)

#: After each of these, botocore or ddbcfg must tell an error, whatever was asked.
FAULTS = (
    THROTTLED,
    REQUEST_LIMIT,
    EXPIRED,
    UNKNOWN_KEY,
    DENIED,
    ERROR_500,
    PLAIN_503,
    HANG,
    RESET,
    CLOSED,
    TRUNCATED,
    GARBAGE,
    LOGIN_PAGE,
)


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    operation: str
    body: dict[str, Any]
    user_agent: str
    fault: Fault | None
    #: The sender's port, which tells one connection from another.
    port: int
    access_key: str = ""


@dataclass
class _Rule:
    fault: Fault
    operation: str | None
    times: int | None
    after: int


@dataclass
class _State:
    upstream: str
    requests: list[Request] = field(default_factory=list)
    rules: list[_Rule] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    released: threading.Event = field(default_factory=threading.Event)
    access_key: str | None = None

    def arrived(self, operation: str, body: bytes, headers: Message, port: int) -> Fault | None:
        user_agent = headers.get("User-Agent", "")
        signed = re.search(r"Credential=([^/]+)/", headers.get("Authorization", ""))
        key = signed[1] if signed else ""
        with self.changed:
            fault = self._fault_for(operation)
            if self.access_key not in (None, key):
                fault = UNKNOWN_KEY
            self.requests.append(Request(operation, json.loads(body), user_agent, fault, port, key))
            self.changed.notify_all()
            return fault

    def _fault_for(self, operation: str) -> Fault | None:
        for rule in self.rules:
            if rule.operation in (None, operation) and rule.times != 0:
                if rule.after:
                    rule.after -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return rule.fault
        return None


# Whatever is not one of these in an expression, nor an alias (#s) or a value (:s), is a bare name.
_WORD = re.compile(
    "AND|OR|NOT|BETWEEN|IN|SET|REMOVE|ADD|DELETE|attribute_exists|attribute_not_exists|"
    "attribute_type|begins_with|contains|size|if_not_exists|list_append"
)
# The parameters that came before expressions name attributes without aliases.
_LEGACY = re.compile(
    "AttributesToGet|AttributeUpdates|ConditionalOperator|Expected|KeyConditions|(Query|Scan)Filter"
)


def bare_names(body: dict[str, Any]) -> list[str]:
    """The attribute names in the expressions of a request that are not aliased."""
    found = [parameter for parameter in body if _LEGACY.fullmatch(parameter)]
    for parameter, expression in body.items():
        if parameter.endswith("Expression"):
            words = re.findall(r"(?<![#:\w])[A-Za-z_]\w*", expression)
            found += [word for word in words if not _WORD.fullmatch(word)]
    return found


class FaultProxy:
    """Serves on ``url``; see the module for its use."""

    def __init__(self, upstream: str) -> None:
        self._state = _State(urlsplit(upstream).netloc)
        state = self._state

        class Handler(_Handler):
            proxy = state

        self._handler = Handler
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        """Where to send requests; stays the same when it is stopped and started."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Accept connections (again)."""
        self._server = _Server(("127.0.0.1", self._port), self._handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections, and end those there are."""
        self.heal()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    @property
    def requests(self) -> list[Request]:
        """A copy of the list of all requests so far."""
        with self._state.changed:
            return list(self._state.requests)

    def fail(
        self,
        fault: Fault,
        operation: str | None = None,
        *,
        times: int | None = None,
        after: int = 0,
    ) -> None:
        """Answer with ``fault``: only ``operation``, only ``times``, the first ``after`` not."""
        with self._state.changed:
            self._state.released.clear()
            self._state.rules.append(_Rule(fault, operation, times, after))

    def accept_only(self, access_key: str) -> None:
        """Refuse, until it is healed, whatever is signed with another key."""
        with self._state.changed:
            self._state.access_key = access_key

    def heal(self) -> None:
        """Fail no more, and end the requests that hang."""
        with self._state.changed:
            self._state.access_key = None
            self._state.rules.clear()
            self._state.released.set()

    def reset(self) -> None:
        """Heal, and forget all requests."""
        self.heal()
        with self._state.changed:
            self._state.requests.clear()

    def wait_for(self, count: int, operation: str | None = None, timeout: float = 20.0) -> None:
        """Return when ``count`` requests have come in all; TimeoutError when they do not."""
        with self._state.changed:
            if not self._state.changed.wait_for(lambda: self.count(operation) >= count, timeout):
                raise TimeoutError(f"{self.count(operation)} of {count} requests came")

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.open)

    def wait_for_connections(self, count: int, timeout: float = 10.0) -> None:
        """Return when no more than ``count`` connections are open."""
        deadline = time.monotonic() + timeout
        while self.connections > count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.connections} connections are open")
            time.sleep(0.005)

    def count(self, operation: str | None = None) -> int:
        """How many requests have come."""
        return sum(operation in (None, r.operation) for r in list(self._state.requests))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    # Its threads sit in keep-alive connections: they are ended by closing these, and waited for.
    daemon_threads = False
    block_on_close = True

    def __init__(self, *args: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*args)

    process_request_thread = untraced(ThreadingHTTPServer.process_request_thread)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self.open):
            with suppress(OSError):  # already closed
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away while they are answered are what this is for


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: else each answer waits 40 ms for the delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    proxy: _State

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        fault = self.proxy.arrived(operation, body, self.headers, self.client_address[1])
        bare = bare_names(json.loads(body))
        if bare:
            message = f"a bare attribute name in an expression: {', '.join(bare)}"
            fault = refusal("bare name", 400, "ValidationException", message)
        status, headers, answer = 200, {"Content-Type": "application/x-amz-json-1.0"}, b""
        if fault is None or fault.served:
            status, headers, answer = self._ask(body)
        if fault is not None:
            status, answer = (fault.status if status < 300 else status), fault.make(answer)
            if fault.end in ("reset", "close", "hang"):
                self._end(fault.end)
                return
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if fault is not None and fault.end == "short":
            self.wfile.write(answer[: len(answer) // 2])
            self._end("close")
        else:
            self.wfile.write(answer)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = HTTPConnection(self.proxy.upstream, timeout=30)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            upstream.request("POST", self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        kept = {k: v for k, v in answer.getheaders() if k.lower() in _KEPT_HEADERS}
        return answer.status, kept, content

    def _end(self, how: str) -> None:
        self.close_connection = True
        if how == "hang":
            self.proxy.released.wait(60)
        elif how == "reset":
            # Closing with unsent data discarded at once: the other side gets RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *args: object) -> None:
        pass


_KEPT_HEADERS = ("content-type", "x-amz-crc32", "x-amzn-requestid", "x-amzn-crc32")
