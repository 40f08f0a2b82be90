"""Requests over the daemon's sockets: what is served, and the sockets themselves (G1, G7)."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Barrier, Thread

import pytest

import ddbcfg_client
from ddbcfg_client.config import Config
from ddbcfg_client.errors import ReloadFailed
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.daemon_socket import daemon_is_listening
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import ForeignObject, GroupRefused
from ddbcfg_daemon.publishing.objects import Access, path_of, temporary
from ddbcfg_daemon.publishing.poll_requests import Asked, Outcome, PollRequests
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_peers import A_USER
from ddbcfg_daemon.publishing.request_server import RequestServer
from support.asking import DB, STRANGER, ask
from support.request_serving import Served, serving
from support.shm import objects_of, reading
from support.waiting import wait_until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")


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


def test_reload_says_what_was_published_although_a_part_of_the_store_failed(
    served: Served, config: Config
) -> None:
    """As of a store of layers, one of which is held, and another one cannot be read."""
    news = reading({"db": {"host": "b"}})
    with (
        served.polling(news, held="one is held", error="one failed"),
        pytest.raises(ReloadFailed) as caught,
    ):
        config.reload(timeout=20)
    assert caught.value.reason == "generation 2 was published, but one failed; one is held"


def test_reload_says_how_long_it_waited_for_whom(served: Served, config: Config) -> None:
    with pytest.raises(ReloadFailed, match=r"the daemon did not poll within 0\.05 s"):
        config.reload(timeout=0.05)
    with pytest.raises(ReloadFailed, match="did not poll within 0 s"):
        config.reload(timeout=0)


def test_reload_without_a_daemon_says_what_to_start(served: Served, config: Config) -> None:
    served.publisher.close()
    with pytest.raises(ReloadFailed, match="on this host .the last one stopped.; start one with"):
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


@pytest.mark.parametrize("what", ["accept", "full"])
def test_what_only_root_may_ask_for_is_for_the_admin_socket_and_for_one_poll(
    served: Served, config: Config, what: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(config.reload, 20, **{what: True})  # type: ignore[arg-type]
        served.await_request()
        assert served.poll() == Asked(**{what: True})
        asked.result()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(config.reload, 20)
        served.await_request()
        assert served.poll() == Asked()
        asked.result()
    refused = ask(served, b'{"version": 1, "op": "%s"}\n' % what.encode())
    assert refused["refused"] == "forbidden"
    assert "over the admin socket" in refused["why"]
    assert not served.polls.pending


def test_one_poll_is_for_all_that_was_asked_for_before_it(served: Served) -> None:
    assert [served.polls.ask(accept=True), served.polls.ask(full=True)] == [True, False]
    assert served.polls.begin() == Asked(accept=True, full=True)


def test_an_acceptance_that_comes_during_a_poll_is_for_the_next(served: Served) -> None:
    assert not served.polls.begin().accept
    served.polls.ask(accept=True)
    served.polls.end(Outcome(1, False))
    assert served.polls.begin().accept
    assert not served.polls.begin().accept


def test_an_acceptance_is_not_for_whoever_serves_the_store_later(served: Served) -> None:
    served.polls.ask(accept=True)
    served.publisher.close()
    wait_until(lambda: not served.polls.pending)
    assert not served.polls.begin().accept


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
    with pytest.raises(ReloadFailed, match=f"is not trusted: it belongs to {STRANGER}"):
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
