"""The HTTP server: no client keeps others, or the daemon's end, waiting."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ddbcfg_daemon.errors import SettingRefused, SettingsFileRefused
from ddbcfg_daemon.outputs.web import connection, server
from ddbcfg_daemon.outputs.web.listening import listen
from ddbcfg_daemon.outputs.web.messages import Request, Response
from ddbcfg_daemon.outputs.web.server import MOST, Server
from ddbcfg_daemon.settings.http_address import HttpAddress
from support.threads import running
from support.web import PATIENCE, connect, exchange, get, received

ANY = HttpAddress("127.0.0.1", 0)
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"

Serve = Callable[..., HttpAddress]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server; return its address."""
    with ExitStack() as stack:

        def start(body: bytes = b"hello", address: HttpAddress = ANY) -> HttpAddress:
            listener = listen(address, "--http")
            made = Server(listener, lambda request: Response(200, body))
            stack.callback(made.close)
            return listener.address

        yield start


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits a short time."""
    monkeypatch.setattr(server, "_TICK", 0.02)
    for name in ("_REQUEST_TIME", "_RESPONSE_TIME", "_CLOSING_TIME"):
        monkeypatch.setattr(connection, name, 0.05)


def test_a_response_says_that_the_connection_ends(serve: Serve) -> None:
    found = get(serve())
    assert (found.status, found.body, found.headers["connection"]) == (200, "hello", "close")
    assert found.headers["content-length"] == "5"


def test_head_has_the_headers_and_no_body(serve: Serve) -> None:
    address = serve()
    found = get(address, method="HEAD")
    assert (found.status, found.body, found.headers) == (200, "", get(address).headers)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000, 431),
        (b"GET /" + b"x" * 9000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 2000, 431),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 200),  # the site refuses it
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", 200),
    ],
)
def test_bytes_that_are_no_request_are_refused(serve: Serve, raw: bytes, status: int) -> None:
    said = exchange(serve(), raw)
    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"nonsense" not in said


def test_the_first_of_several_requests_is_served(serve: Serve) -> None:
    assert exchange(serve(), GET * 50).count(b"HTTP/1.1 200") == 1


def test_a_request_may_come_byte_by_byte(serve: Serve) -> None:
    with connect(serve()) as sock:
        for byte in GET:
            sock.send(bytes([byte]))
        assert received(sock).endswith(b"hello")


def test_whoever_closes_early_harms_nobody(serve: Serve) -> None:
    address = serve()
    for raw, said in ((b"", b""), (b"GET /", b"HTTP/1.1 400 ")):
        with connect(address) as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            assert received(sock)[:13] == said
    assert get(address).status == 200


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("raw", [b"", b"GET / HTTP/1.1\r\nHost: h\r\n"])
def test_a_request_that_does_not_end_is_not_waited_for(serve: Serve, raw: bytes) -> None:
    with connect(serve()) as sock:
        sock.sendall(raw)
        assert received(sock) == b""


@pytest.mark.usefixtures("hasty")
def test_a_client_that_never_reads_is_not_waited_for(serve: Serve) -> None:
    large = b"x" * 50_000_000  # more than the kernel keeps for it
    with connect(serve(large)) as sock:
        sock.sendall(GET)
        with connect(HttpAddress(*sock.getpeername())) as other:
            other.sendall(GET)
            assert other.recv(15) == b"HTTP/1.1 200 OK"  # meanwhile
        sock.recv(1, socket.MSG_PEEK)
        # The server ends it, so this does not hang; what was sent before is there.
        assert len(received(sock)) < len(large)


def test_silent_connections_keep_nobody_out(serve: Serve) -> None:
    address = serve()
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(address)) for _ in range(MOST * 3)]
        for sock in silent:
            sock.sendall(b"GET / HTTP/1.1\r\n")
        assert get(address).body == "hello"
        assert received(silent[0]) == b""  # the oldest went


def test_close_ends_at_once_with_clients_in_every_phase() -> None:
    listener = listen(ANY, "--http")
    made = Server(listener, lambda request: Response(200, b"x" * 50_000_000))
    with connect(listener.address) as silent, connect(listener.address) as deaf:
        deaf.sendall(GET)
        assert deaf.recv(8) == b"HTTP/1.1"
        made.close()
        made.close()
        assert received(silent) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(listener.address)
    assert "http" not in [thread.name for thread in threading.enumerate()]


def test_a_flood_of_requests_is_served_in_turn(serve: Serve) -> None:
    address = serve()
    found: list[int] = []

    def ask(stop: threading.Event) -> None:
        found.extend(get(address).status for _ in range(25))

    with running(ask, ask, ask, ask) as threads:
        for thread in threads:
            thread.join(20)
    assert found == [200] * 100


# --- where it listens ----------------------------------------------------------------------------


def test_a_bug_in_one_response_ends_only_that_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def respond(request: Request) -> Response:
        return Response(200, b"hello", "\xe9" if request.path == "/bug" else "text/plain")

    listener = listen(ANY, "--http")
    with closing(Server(listener, respond)), connect(listener.address) as slow:
        slow.sendall(GET[:10])
        assert get(listener.address).status == 200  # so the slow one is accepted
        assert exchange(listener.address, GET.replace(b"/ ", b"/bug ", 1)) == b""
        slow.sendall(GET[10:])
        assert received(slow).endswith(b"hello")
    assert "UnicodeEncodeError" in caplog.text


def test_the_thread_rests_as_long_as_each_response_took() -> None:
    times: list[tuple[float, float]] = []

    def respond(_: Request) -> Response:
        began = time.monotonic()
        time.sleep(server.TURN * 2)  # a page of many stores
        times.append((began, time.monotonic()))
        return Response(200, b"hello")

    listener = listen(ANY, "--http")
    with closing(Server(listener, respond)), ExitStack() as stack:
        clients = [stack.enter_context(connect(listener.address)) for _ in range(3)]
        for client in clients:
            client.sendall(GET)
        assert all(received(client).endswith(b"hello") for client in clients)
    for (began, ended), (following, _) in pairwise(times):
        assert following - ended >= ended - began


def test_new_connections_wait_for_those_that_were_accepted() -> None:
    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def respond(request: Request) -> Response:
        order.append(request.path)
        if request.path == "/long":
            begun.set()
            go_on.wait(PATIENCE)
            time.sleep(server.TURN)
        return Response(200, b"hello")

    listener = listen(ANY, "--http")
    with closing(Server(listener, respond)), ExitStack() as stack:
        early = stack.enter_context(connect(listener.address))
        early.sendall(GET[:10])
        assert get(listener.address, "/accepted").status == 200
        late = []
        for _ in range(3):
            late.append(stack.enter_context(connect(listener.address)))
            late[-1].sendall(GET.replace(b"/ ", b"/long ", 1))
            assert begun.wait(PATIENCE)  # the others are not accepted yet
        early.sendall(GET[10:])
        go_on.set()
        assert all(received(client).endswith(b"hello") for client in (early, *late))
    assert order == ["/accepted", "/long", "/", "/long", "/long"]


def test_a_port_in_use_is_an_error_that_names_it(serve: Serve) -> None:
    address = serve()
    with pytest.raises(SettingRefused, match=f"cannot listen on {address}: it is in use") as caught:
        listen(address, "--http")
    assert (caught.value.flag, caught.value.variable) == ("--http", "DDBCFG_HTTP")
    with pytest.raises(SettingsFileRefused) as by_file:
        listen(address, "/etc/ddbcfg/ddbcfg.toml:7")
    assert by_file.value.line == 7


def test_an_address_that_this_host_lacks_is_an_error() -> None:
    with pytest.raises(SettingRefused, match=r"192\.0\.2\.1:1: Cannot assign"):
        listen(HttpAddress("192.0.2.1", 1), "--http")


@pytest.fixture
def place() -> Iterator[HttpAddress]:
    """A short path, in a folder of the test's own."""
    with TemporaryDirectory(dir="/tmp") as folder:
        yield HttpAddress(path=f"{folder}/h")


def test_a_unix_socket_is_for_user_and_group_and_goes_with_the_server(place: HttpAddress) -> None:
    listener = listen(place, "--http")
    made = Server(listener, lambda request: Response(200, b"hello"))
    path = Path(place.path)
    assert path.stat().st_mode & 0o777 == 0o660
    assert get(place).body == "hello"
    with pytest.raises(SettingRefused, match="another process listens there|it is in use"):
        listen(place, "--http")
    made.close()
    assert list(path.parent.iterdir()) == []


def test_a_socket_that_a_killed_daemon_left_is_replaced(place: HttpAddress) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(place.path)
    second = listen(place, "--http")
    Path(place.path).unlink()
    Path(place.path).touch()  # another process took the name: it keeps it
    second.close()
    assert Path(place.path).exists()


def test_a_file_is_not_replaced_by_a_socket(place: HttpAddress) -> None:
    Path(place.path).write_text("precious")
    with pytest.raises(SettingRefused):
        listen(place, "--http")
    assert Path(place.path).read_text() == "precious"
