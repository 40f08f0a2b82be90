"""Requests over the daemon's sockets: what is refused and bounded (G9)."""

from __future__ import annotations

import os
import resource
import socket
import time
from collections.abc import Callable
from threading import Event, Thread

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.errors import ReloadFailed
from ddbcfg_client.format.request import LONGEST_REQUEST
from ddbcfg_daemon.publishing import request_peers as module
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.request_peers import A_USER
from support.asking import STRANGER, Peer, ask
from support.request_serving import Served
from support.shm import reading
from support.waiting import wait_until


def fill(act: Callable[[], object]) -> None:
    """Do it until there is no room for more."""
    for _ in range(100_000):
        try:
            act()
        except OSError:
            return
    raise AssertionError("there is always room")


# --- what is refused -----------------------------------------------------------------------------


GARBAGE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"\n", "malformed"),
    "no JSON": (b"poll\n", "malformed"),
    "no object": (b"[1]\n", "malformed"),
    "no version": (b'{"op": "poll"}\n', "malformed"),
    "no operation": (b'{"version": 1}\n', "malformed"),
    "an operation of another type": (b'{"version": 1, "op": ["poll"]}\n', "malformed"),
    "another operation": (b'{"version": 1, "op": "\\ud800"}\n', "unknown"),
    "no UTF-8": (b'{"version": 1, "op": "\xff"}\n', "malformed"),
    "UTF-16": ('{"version": 1, "op": "poll"}'.encode("utf-16") + b"\n", "malformed"),
    "zeros": (bytes(100) + b"\n", "malformed"),
    "deep": (b"[" * 4000 + b"\n", "malformed"),
    "digits": (b'{"version": ' + b"9" * 4050 + b"}\n", "malformed"),
    "two lines": (b'{"version": 1, "op": "poll"}\n{}\n', "malformed"),
    "long": (b" " * (LONGEST_REQUEST + 1), "malformed"),
    "longer": (b" " * 10**6, "malformed"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_request_is_refused_and_the_next_is_served(served: Served, name: str) -> None:
    data, refused = GARBAGE[name]
    with Peer(served.names.requests) as peer:
        try:
            peer.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert peer.response()["refused"] == refused
    assert not served.polls.pending
    with served.polling():
        assert ask(served)["generation"] == 1


def test_fields_that_are_not_known_are_skipped_and_a_newer_version_is_served(
    served: Served,
) -> None:
    with served.polling():
        line = b'{"version": 7, "op": "poll", "full": true, "x": [null]}\n'
        assert ask(served, line)["generation"] == 1


def test_an_unknown_operation_says_which_there_are(served: Served) -> None:
    with Peer(served.names.admin) as peer:
        known = "poll, full, accept, pin, unpin, generations, layers, explain"
        assert peer.ask(op="dance")["why"] == f"this daemon knows only {known}"
    with Peer(served.names.requests) as peer:
        assert peer.ask(op="dance")["why"] == "this daemon knows only poll, layers, explain"


@pytest.mark.parametrize("op", ["pin", "unpin", "generations"])
def test_what_is_pinned_is_no_matter_of_readers(served: Served, op: str) -> None:
    with Peer(served.names.requests) as peer:
        assert peer.ask(op=op)["refused"] == "forbidden"
    assert not served.polls.jobs


def test_layers_are_told_at_once_and_not_at_any_length(served: Served) -> None:
    with Peer(served.names.requests) as peer:
        assert peer.ask(op="layers")["details"] == {"layers": []}
    served.polls.inquire = lambda request: {"keys": [request.option * 10_000]}
    with Peer(served.names.requests) as peer:
        assert peer.ask(op="explain", option="seventy")["refused"] == "too long"
    with Peer(served.names.requests) as peer:
        assert peer.ask(op="explain", option="db")["details"] == {"keys": ["db" * 10_000]}


def test_a_second_request_on_a_connection_is_refused(served: Served) -> None:
    with Peer(served.names.requests) as peer:
        peer.send(b'{"version": 1, "op": "poll"}\n')
        served.await_request()
        peer.send(b"{")
        assert peer.response()["refused"] == "malformed"


def test_the_overflow_uid_is_nobodys(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.server._admission, "_nobody", os.geteuid())
    for name in (served.names.requests, served.names.admin):
        with Peer(name) as peer:
            refused = peer.response()
        assert refused["refused"] == "forbidden"
        assert "other user namespaces" in refused["why"]


def test_the_admin_socket_is_not_for_others_who_reach_it(
    served: Served, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.server._admission, "_admins", (STRANGER,))
    with pytest.raises(ReloadFailed, match="only root and the daemon's own user may do this"):
        config.reload(timeout=20, accept=True)
    assert not served.polls.pending


# --- what is bounded -----------------------------------------------------------------------------


def test_a_user_has_four_connections_and_each_that_ends_makes_room(
    served: Served, peer: Callable[..., Peer]
) -> None:
    peers = [peer() for _ in range(A_USER)]
    wait_until(lambda: len(served.server._connections) == A_USER)
    for _ in range(50):
        with Peer(served.names.requests) as one_more:
            refused = one_more.response()
        assert (refused["refused"], refused["ticket"]) == ("busy", served.polls.begun)
        assert len(served.server._connections) == A_USER
    # The other socket is not for readers, and they cannot fill it.
    with served.polling(), Peer(served.names.admin) as admin:
        assert admin.ask(op="accept")["generation"] == 1
    peers[0].close()
    wait_until(lambda: len(served.server._connections) == A_USER - 1)
    with served.polling():
        assert ask(served)["generation"] == 1


def test_reload_of_a_busy_daemon_says_so(
    served: Served, config: Config, peer: Callable[..., Peer]
) -> None:
    peers = [peer() for _ in range(A_USER)]
    wait_until(lambda: len(served.server._connections) == A_USER)
    busy = rf"did not poll within 0\.3 s \(4 connections of uid {os.geteuid()} are open already\)"
    with pytest.raises(ReloadFailed, match=busy):
        config.reload(timeout=0.3)
    assert peers


def test_all_together_have_a_limit_too(
    served: Served, peer: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_ALL", 2)
    assert [peer() for _ in range(2)]
    wait_until(lambda: len(served.server._connections) == 2)
    assert peer().response()["why"] == "2 connections are open already"


def test_a_peer_that_sends_slowly_or_nothing_is_hung_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TO_SEND", 0.2)
    start = time.monotonic()
    with Peer(served.names.requests) as silent, Peer(served.names.requests) as slow:

        def drip() -> None:
            try:
                for _ in range(1000):
                    slow.send(b" ")
                    time.sleep(0.01)
            except OSError:
                pass

        thread = Thread(target=drip)
        thread.start()
        assert silent.response()["why"] == "no request received within 0.2 s"
        assert slow.response()["refused"] == "malformed"
        thread.join()
    assert 0.2 <= time.monotonic() - start < 5
    assert not served.server._connections


def test_a_peer_that_goes_away_leaves_nothing(served: Served) -> None:
    with Peer(served.names.requests):
        wait_until(lambda: len(served.server._connections) == 1)
    wait_until(lambda: not served.server._connections)
    with Peer(served.names.requests) as peer:
        peer.send(b'{"version": 1, "op": "poll"}\n')
        served.await_request()
    wait_until(lambda: not served.server._connections)
    served.poll()
    with served.polling():
        assert ask(served)["generation"] == 1


def test_a_peer_without_room_for_the_response_is_hung_up(served: Served) -> None:
    with Peer(served.names.requests) as peer:
        peer.send(b'{"version": 1, "op": "poll"}\n')
        served.await_request()
        (connection,) = served.server._connections
        connection.socket.setblocking(False)
        fill(lambda: connection.socket.send(bytes(65536)))
        served.poll()
        wait_until(lambda: not served.server._connections)


def test_no_descriptor_left_is_survived_and_logged_once(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    waiting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    waiting.settimeout(20)
    copies: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 1, limits[1]))
        fill(lambda: copies.append(os.dup(waiting.fileno())))
        waiting.connect(str(path_of(served.names.requests)))
        wait_until(lambda: "was not accepted" in caplog.text)
        paused = served.server._paused_until
        wait_until(lambda: served.server._paused_until not in (paused, None))
        assert caplog.text.count("was not accepted") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in copies:
            os.close(fd)
    with served.polling():
        waiting.sendall(b'{"version": 1, "op": "poll"}\n')
        assert b'"generation": 1' in waiting.recv(4096)
    waiting.close()


def test_no_descriptor_left_for_two_that_connect_at_once_is_survived(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """Both sockets are found ready together, and neither connection can be accepted."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(2)]
    copies: list[int] = []
    connected = Event()
    served.server._send(lambda: connected.wait(20))  # the server's thread looks at neither before
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (waiting[-1].fileno() + 1, limits[1]))
        fill(lambda: copies.append(os.dup(waiting[-1].fileno())))
        waiting[0].connect(str(path_of(served.names.requests)))
        waiting[1].connect(str(path_of(served.names.admin)))
        connected.set()
        wait_until(lambda: "was not accepted" in caplog.text)
        paused = served.server._paused_until
        wait_until(lambda: served.server._paused_until not in (paused, None))
    finally:
        connected.set()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in copies:
            os.close(fd)
    assert "no longer served" not in caplog.text
    for peer in waiting:
        peer.settimeout(20)
        with served.polling():
            peer.sendall(b'{"version": 1, "op": "poll"}\n')
            assert b'"generation": 1' in peer.recv(4096)
        peer.close()


def test_sockets_of_which_only_one_could_be_made_are_made_at_the_next_poll(
    served: Served, config: Config
) -> None:
    path_of(served.names.requests).unlink()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    copies: list[int] = []
    spare = os.dup(0)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, limits[1]))
        fill(lambda: copies.append(os.dup(0)))
        os.close(spare)  # for one of the two
        with pytest.raises(OSError, match="Too many open files"):
            served.publisher.verify()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in copies:
            os.close(fd)
    assert served.publisher.verify() == ["the request sockets"]
    with served.polling():
        config.reload(timeout=20)
    assert served.publisher.verify() == []


def test_no_memory_for_a_moment_loses_no_job_and_no_request(
    served: Served, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[str] = []
    done = Event()

    def job() -> None:
        tries.append("tried")
        if len(tries) < 3:
            raise MemoryError
        done.set()

    served.server._send(job)
    assert done.wait(20)
    assert caplog.text.count("no memory") == 1
    with served.polling():
        config.reload(timeout=20)


def test_a_fault_of_its_own_is_logged_and_ends_no_poll(
    served: Served, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    text = "hunter2 in its text"

    def fault() -> None:
        raise RuntimeError(text)

    served.server._send(fault)
    served.server._thread.join(20)
    assert "request sockets, which are no longer served: RuntimeError at" in caplog.text
    assert "hunter2 in" not in caplog.text
    served.poll(reading({"db": {"host": "b"}}))
    assert config["db"] == {"host": "b"}
    with pytest.raises(ReloadFailed, match="no daemon serves it"):
        config.reload(timeout=20)
