"""Requests over the daemon's sockets: what is served, refused and bounded (G1, G7, G9)."""

from __future__ import annotations

import json
import os
import resource
import socket
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Barrier, Event, Thread
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.config import Config
from ddbcfg_client.errors import ReloadFailed
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.request import LONGEST_REQUEST
from ddbcfg_client.shm.daemon_socket import daemon_is_listening
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import ForeignObject, GroupRefused
from ddbcfg_daemon.publishing import request_peers as module
from ddbcfg_daemon.publishing.objects import Access, path_of, temporary
from ddbcfg_daemon.publishing.poll_requests import Outcome, PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_peers import A_USER
from ddbcfg_daemon.publishing.request_server import RequestServer
from support.request_serving import Served, serving
from support.shm import objects_of, reading
from support.waiting import wait_until

DB = {"db": {"host": "a"}}
STRANGER = 65533

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


@pytest.fixture
def served(names: Names) -> Iterator[Served]:
    with serving(names) as made:
        made.poll(reading(DB))
        yield made


@pytest.fixture
def config(served: Served) -> Config:
    return ddbcfg_client.connect(served.names.namespace, served.names.store)


class Peer:
    """A connection that sends what it likes."""

    def __init__(self, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(20)
        self._socket.connect(str(path_of(name)))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def response(self) -> dict[str, Any]:
        """What came until the daemon hung up."""
        line = b""
        try:
            while data := self._socket.recv(65536):
                line += data
        except ConnectionResetError:  # it hung up without reading all
            pass
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **fields: object) -> dict[str, Any]:
        self.send(json.dumps({"version": 1, **fields}).encode() + b"\n")
        return self.response()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


@pytest.fixture
def peer(served: Served) -> Iterator[Callable[..., Peer]]:
    """Makes peers of the socket for all, or of another."""
    with ExitStack() as stack:
        yield lambda name=served.names.requests: stack.enter_context(Peer(name))


def ask(served: Served, line: bytes = b'{"version": 1, "op": "poll"}\n') -> dict[str, Any]:
    with Peer(served.names.requests) as peer:
        peer.send(line)
        return peer.response()


def fill(act: Callable[[], object]) -> None:
    """Do it until there is no room for more."""
    for _ in range(100_000):
        try:
            act()
        except OSError:
            return
    raise AssertionError("there is always room")


# --- what is served ------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [1e10, float("inf")])
def test_reload_waits_as_long_as_it_is_told(served: Served, config: Config, timeout: float) -> None:
    """Longer than a socket's timeout can be."""
    with served.polling(reading({"db": {"host": "b"}})):
        config.reload(timeout)
    assert config["db"] == {"host": "b"}


def test_reload_returns_when_a_poll_that_began_after_it_has_ended(
    served: Served, config: Config
) -> None:
    with served.polling(reading({"db": {"host": "reloaded"}})):
        config.reload(timeout=20)
        assert config["db"] == {"host": "reloaded"}


def test_a_poll_that_was_under_way_is_not_the_one_that_was_asked_for(served: Served) -> None:
    served.polls.begin()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, served)
        wait_until(lambda: served.polls.pending)
        served.polls.end(Outcome(1, False, error="too early"))
        served.poll(reading({"db": {"host": "b"}}))
        assert asked.result() == {
            "version": 1,
            "generation": 2,
            "published": True,
            "held": "",
            "error": "",
        }


@pytest.mark.parametrize("outcome", ["held", "error"])
def test_reload_says_why_nothing_new_was_published(
    served: Served, config: Config, outcome: str
) -> None:
    with (
        served.polling(**{outcome: f"{outcome}, so it is"}),
        pytest.raises(ReloadFailed, match=f"store 'prod' was not reloaded: {outcome}, so it is"),
    ):
        config.reload(timeout=20)
    assert config["db"] == DB["db"]


def test_reload_says_how_long_it_waited_for_whom(served: Served, config: Config) -> None:
    with pytest.raises(ReloadFailed, match=r"the daemon did not poll within 0\.05 s"):
        config.reload(timeout=0.05)
    with pytest.raises(ReloadFailed, match="did not poll within 0 s"):
        config.reload(timeout=0)


def test_reload_without_a_daemon_says_what_to_start(served: Served, config: Config) -> None:
    served.publisher.close()
    with pytest.raises(ReloadFailed, match="on this host, the last one stopped; start one with"):
        config.reload(timeout=20)


def test_reload_meets_a_socket_whose_daemon_was_killed(served: Served, config: Config) -> None:
    path = path_of(served.names.requests)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(ReloadFailed, match="no daemon serves it on this host"):
        config.reload(timeout=20)
    assert not daemon_is_listening(served.names, Trust())


def test_a_daemon_that_is_stopped_in_its_tracks_is_waited_for_no_longer_than_asked(
    names: Names,
) -> None:
    # As after SIGSTOP: the kernel lets in as many as the queue takes.
    path = path_of(names.requests)
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as stack:
        listening.bind(str(path))
        listening.listen(1)
        config = Config(names, Trust())
        for _ in range(3):
            assert daemon_is_listening(names, Trust())
            with pytest.raises(ReloadFailed, match=r"the daemon did not poll within 0\.1 s"):
                config.reload(timeout=0.1)
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(str(path))
        with pytest.raises(BlockingIOError):
            waiting.connect(str(path))


def test_a_daemon_that_stops_tells_those_who_wait(served: Served, config: Config) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(config.reload, 20)
        served.await_request()
        served.publisher.close()
        with pytest.raises(ReloadFailed, match="the daemon stops serving this store"):
            asked.result()


def test_many_who_ask_at_once_get_one_poll(served: Served) -> None:
    with ThreadPoolExecutor(A_USER) as pool:
        asked = [pool.submit(ask, served) for _ in range(A_USER)]
        wait_until(lambda: len(served.server._connections) == A_USER)
        wait_until(lambda: all(one.after is not None for one in served.server._connections))
        served.poll()
        assert [one.result()["generation"] for one in asked] == [1] * A_USER
    assert not served.polls.pending


def test_more_than_may_connect_are_all_served(served: Served, config: Config) -> None:
    many = 5 * A_USER
    started = Barrier(many + 1)

    def reload() -> None:
        started.wait(20)
        config.reload(timeout=20)

    with ThreadPoolExecutor(many) as pool:
        asked = [pool.submit(reload) for _ in range(many)]
        started.wait(20)
        polls = 0
        while not all(one.done() for one in asked):
            time.sleep(0.3)  # as long as polls that are asked for are apart, but for less
            if served.polls.pending:
                served.poll()
                polls += 1
    for one in asked:
        one.result()
    # Without tickets it would be one for every four.
    assert polls < many / A_USER


def test_a_ticket_is_good_for_a_poll_that_began_after_it(served: Served) -> None:
    begun = served.polls.begun
    served.poll()
    assert ask(served, b'{"version": 1, "op": "poll", "ticket": %d}\n' % begun)["generation"] == 1
    assert not served.polls.pending
    # One from the future, of a daemon before this one, is none; nor is one that was made up.
    for ticket in (b"%d" % (begun + 2), b"-1", b"true", b'"x"', b"1e400", b"9" * 4000):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                ask, served, b'{"version": 1, "op": "poll", "ticket": %s}\n' % ticket
            )
            served.await_request()
            served.poll()
            assert asked.result()["generation"] == 1


def test_accept_is_for_the_admin_socket_and_for_one_poll(served: Served, config: Config) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(config.reload, 20, accept=True)
        served.await_request()
        assert served.poll() is True
        asked.result()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(config.reload, 20)
        served.await_request()
        assert served.poll() is False
        asked.result()
    refused = ask(served, b'{"version": 1, "op": "accept"}\n')
    assert refused["refused"] == "forbidden"
    assert "over the admin socket" in refused["why"]
    assert not served.polls.pending


def test_an_acceptance_that_comes_during_a_poll_is_for_the_next(served: Served) -> None:
    assert served.polls.begin() is False
    served.polls.ask(accept=True)
    served.polls.end(Outcome(1, False))
    assert served.polls.begin() is True
    assert served.polls.begin() is False


def test_an_acceptance_is_not_for_whoever_serves_the_store_later(served: Served) -> None:
    served.polls.ask(accept=True)
    served.publisher.close()
    wait_until(lambda: not served.polls.pending)
    assert served.polls.begin() is False


@pytest.mark.parametrize("length", [40, 200])
def test_a_store_of_any_name_is_served(namespace: str, length: int) -> None:
    # The address of a socket has 108 bytes.
    names = Names(namespace + "n" * length, "ö" * length)
    try:
        with serving(names) as served:
            served.poll(reading(DB))
            assert daemon_is_listening(names, Trust())
            config = ddbcfg_client.connect(names.namespace, names.store)
            with served.polling():
                config.reload(timeout=20)
    finally:
        for path in objects_of(names):
            path.unlink(missing_ok=True)


def test_the_stores_of_a_daemon_are_served_by_one_thread(namespace: str) -> None:
    with RequestServer() as server:
        stores = [Served(Names(namespace, f"store-{number}"), server) for number in range(5)]
        for one in stores:
            one.poll(reading(DB))
            config = ddbcfg_client.connect(namespace, one.names.store)
            with one.polling(reading({"db": {"host": one.names.store}})):
                config.reload(timeout=20)
            assert config["db"] == {"host": one.names.store}
        for one in stores:
            one.publisher.close()


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
        assert peer.ask(op="pin")["why"] == "this daemon knows only poll, accept"
    with Peer(served.names.requests) as peer:
        assert peer.ask(op="pin")["why"] == "this daemon knows only poll"


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
        assert silent.response()["why"] == "no request came within 0.2 s"
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
        rests = served.server._resting_until
        wait_until(lambda: served.server._resting_until not in (rests, None))
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
        rests = served.server._resting_until
        wait_until(lambda: served.server._resting_until not in (rests, None))
    finally:
        connected.set()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in copies:
            os.close(fd)
    assert "not served any more" not in caplog.text
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


def test_no_memory_for_a_moment_loses_no_errand_and_no_request(
    served: Served, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[str] = []
    done = Event()

    def errand() -> None:
        tries.append("tried")
        if len(tries) < 3:
            raise MemoryError
        done.set()

    served.server._send(errand)
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
    assert "request sockets, which are not served any more: RuntimeError at" in caplog.text
    assert "hunter2 in" not in caplog.text
    served.poll(reading({"db": {"host": "b"}}))
    assert config["db"] == {"host": "b"}
    with pytest.raises(ReloadFailed, match="no daemon serves it"):
        config.reload(timeout=20)


# --- the sockets themselves ----------------------------------------------------------------------


def test_sockets_go_with_their_publisher_and_are_not_made_without_a_listener(
    names: Names,
) -> None:
    with serving(names) as served:
        assert daemon_is_listening(names, Trust())
        kinds = {path.name for path in objects_of(names) if stat.S_ISSOCK(path.stat().st_mode)}
        assert kinds == {names.requests[1:], names.admin[1:]}
    assert not daemon_is_listening(names, Trust())
    assert not any(stat.S_ISSOCK(path.stat().st_mode) for path in objects_of(names))
    publisher = Publisher(names)
    assert not path_of(names.requests).exists()
    assert publisher.verify() == []
    publisher.close()
    assert served


@pytest.mark.parametrize("place", ["requests", "admin"])
def test_a_socket_that_was_removed_is_made_anew_at_the_next_poll(
    served: Served, config: Config, place: str
) -> None:
    path_of(getattr(served.names, place)).unlink()
    assert served.publisher.verify() == ["the request sockets"]
    assert served.publisher.verify() == []
    for accept in (False, True):
        with served.polling():
            config.reload(timeout=20, accept=accept)


def test_those_who_wait_are_answered_though_the_sockets_were_made_anew(served: Served) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, served)
        served.await_request()
        path_of(served.names.requests).unlink()
        served.publisher.verify()
        served.poll()
        assert asked.result()["generation"] == 1


def test_what_a_killed_daemon_left_is_replaced_and_swept(served: Served, config: Config) -> None:
    left = path_of(temporary(served.names))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(left))
    served.publisher.close()
    for name in (served.names.requests, served.names.admin):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path_of(name)))
    again = Served(served.names, served.server)
    assert not left.exists()
    with again.polling():
        config.reload(timeout=20)
    again.publisher.close()


@needs_root
def test_a_socket_of_an_owner_that_is_not_trusted_is_not_asked(
    served: Served, config: Config
) -> None:
    os.chown(path_of(served.names.requests), STRANGER, STRANGER)
    with pytest.raises(ReloadFailed, match=f"is not to be trusted: it belongs to {STRANGER}"):
        config.reload(timeout=20)
    assert not daemon_is_listening(served.names, Trust())
    assert daemon_is_listening(served.names, Trust(STRANGER))
    assert not served.polls.pending


@pytest.mark.parametrize("kind", ["file", "FIFO", "directory", "link"])
def test_what_is_no_socket_is_not_asked(served: Served, config: Config, kind: str) -> None:
    path = path_of(served.names.requests)
    path.unlink()
    makers: dict[str, Callable[[], object]] = {
        "file": path.touch,
        "FIFO": lambda: os.mkfifo(path),
        "directory": path.mkdir,
        "link": lambda: path.symlink_to(path_of(served.names.admin)),
    }
    makers[kind]()
    with pytest.raises(ReloadFailed, match="it is not a socket but another kind of file"):
        config.reload(timeout=20)
    assert served.publisher.verify() == ["the request sockets"]
    with served.polling():
        config.reload(timeout=20)


def test_a_group_that_may_not_be_given_is_named(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chown(*arguments: object) -> None:
        raise PermissionError

    publisher = Publisher(names, Access(group=os.getegid()))
    publisher.close()
    monkeypatch.setattr(os, "chown", chown)
    with pytest.raises(GroupRefused), RequestServer() as server:
        Served(names, server, Access(group=os.getegid()))
    assert not any("~" in path.name for path in path_of("/x").parent.iterdir())


def test_a_name_that_cannot_be_had_is_said_and_the_lock_is_free_again(
    names: Names,
) -> None:
    path = path_of(names.admin)
    path.mkdir()
    (path / "not empty").touch()
    with RequestServer() as server:
        with pytest.raises(ForeignObject, match="admin is in the way: a directory of"):
            Served(names, server)
        assert not path_of(names.requests).exists()
        (path / "not empty").unlink()
        Served(names, server).publisher.close()


# --- between the threads -------------------------------------------------------------------------


def test_wait_ends_when_somebody_asks_or_wakes_and_not_before() -> None:
    polls = PollRequests()
    start = time.monotonic()
    polls.wait(0.05)
    assert time.monotonic() - start >= 0.05
    for act in (polls.wake, polls.ask):
        thread = Thread(target=act)
        thread.start()
        polls.wait(20)
        thread.join()
    assert time.monotonic() - start < 10
    assert polls.pending
    # Who asks again, while a poll is asked for, wakes nobody.
    assert polls.ask() is False
    start = time.monotonic()
    polls.wait(0.05)
    assert time.monotonic() - start >= 0.05
