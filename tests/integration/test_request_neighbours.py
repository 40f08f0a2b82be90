"""Other users at the request sockets: reading, and asking for a poll, is all they can do (G9).

Each is a forked child with another uid; some are in namespaces of their own.
"""

from __future__ import annotations

import grp
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

import ddbcfg_client
from ddbcfg_client.errors import ReloadFailed
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.request import Request, parse_response
from ddbcfg_client.shm.daemon_socket import ask, daemon_is_listening
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import ForeignObject, WriterLocked
from ddbcfg_daemon.publishing.objects import Access, path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.request_peers import A_USER
from support.daemon import ROOT, environment_of
from support.request_serving import Served, serving
from support.shm import reading
from support.waiting import in_child, wait_until

assert grp  # imported before a child becomes a user who may not read where Python is

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be several users")

STRANGER = 65531
GROUP = 65530
SQUATTER = 65533
DB = {"db": {"host": "ours"}}

Result = TypeVar("Result")


def as_stranger(act: Callable[[], Result], group: int = STRANGER) -> Result:
    """Do it in a child that is another user."""

    def become_and_act() -> Result:
        os.setgroups([])
        os.setgid(group)
        os.setuid(STRANGER)
        return act()

    return in_child(become_and_act)


@contextmanager
def meanwhile(act: Callable[[Callable[[], bool]], object]) -> Iterator[Callable[[], object]]:
    """Have a stranger act until the block ends; *act* asks a function whether to go on.

    The block gets a function that returns when the stranger has asked for the first time.
    """
    going_on, end = os.pipe()
    begun, begin = os.pipe()
    os.set_blocking(going_on, False)

    def in_the_child() -> None:
        os.close(end)
        asked: list[bool] = []

        def goes_on() -> bool:
            if not asked:
                os.write(begin, b"x")
            asked[:] = [True]
            try:
                return os.read(going_on, 1) != b""
            except BlockingIOError:
                return True

        act(goes_on)

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(as_stranger, in_the_child)
        try:
            yield lambda: os.read(begun, 1)
        finally:
            os.close(end)
            acting.result()
            for fd in (going_on, begun, begin):
                os.close(fd)


def connect(names: Names) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(20)
    made.connect(str(path_of(names.requests)))
    return made


@pytest.fixture
def served(names: Names) -> Iterator[Served]:
    """A store that everybody may read."""
    with serving(names, Access(0o644)) as made:
        made.poll(reading(DB))
        yield made


def serves(served: Served) -> bool:
    """Whether reads and requests of others go on."""
    config = ddbcfg_client.connect(served.names.namespace, served.names.store)
    number = str(served.polls.begun)
    with served.polling(reading({"db": {"host": number}})):
        config.reload(timeout=20)
    return config["db"]["host"] == number


def test_a_reader_may_ask_and_can_do_nothing_else_to_the_sockets(served: Served) -> None:
    path = path_of(served.names.requests)
    acts: dict[str, Callable[[], object]] = {
        "truncate": lambda: os.truncate(path, 0),
        "open": lambda: os.open(path, os.O_RDWR),
        "write": lambda: path.write_bytes(bytes(4096)),
        "chmod": lambda: path.chmod(0o777),
        "chown": lambda: os.chown(path, STRANGER, STRANGER),
        "unlink": path.unlink,
        "rename": lambda: path.rename(path_of("/elsewhere")),
        "replace": lambda: path_of(served.names.admin).replace(path),
        "bind": lambda: socket.socket(socket.AF_UNIX).bind(str(path)),
        "admin": lambda: socket.socket(socket.AF_UNIX).connect(str(path_of(served.names.admin))),
    }

    def try_all() -> list[str]:
        succeeded = []
        for name, act in acts.items():
            with suppress(OSError):
                act()
                succeeded.append(name)
        return succeeded

    assert as_stranger(try_all) == []
    with served.polling():
        assert as_stranger(lambda: ask(served.names, Trust(), Request("poll"), 20)).generation == 1
    assert serves(served)


def test_a_stranger_who_holds_connections_is_in_nobodys_way(served: Served) -> None:
    before = len(os.listdir("/proc/self/fd"))

    def hold_many(goes_on: Callable[[], bool]) -> None:
        with ExitStack() as stack:
            for _ in range(7):
                stack.enter_context(connect(served.names))
            while goes_on():
                os.sched_yield()

    with meanwhile(hold_many) as begun:
        begun()
        wait_until(lambda: len(served.server._connections) == A_USER)
        for _ in range(3):
            assert serves(served)
        assert len(os.listdir("/proc/self/fd")) <= before + A_USER + 8
    wait_until(lambda: not served.server._connections)


def test_a_stranger_who_connects_without_end_stops_nobody(served: Served) -> None:
    before = len(os.listdir("/proc/self/fd"))

    def storm(goes_on: Callable[[], bool]) -> None:
        held: list[socket.socket] = []
        while goes_on():
            for _ in range(50):
                with suppress(OSError):
                    held.append(connect(served.names))
            for one in held:
                one.close()
            held.clear()

    with meanwhile(storm) as begun:
        begun()
        for _ in range(5):
            assert serves(served)
            assert len(served.server._connections) <= A_USER + 1
        assert len(os.listdir("/proc/self/fd")) <= before + A_USER + 8


def test_who_may_not_ask_is_told_which_group_to_join(names: Names) -> None:
    with serving(names, Access(0o640, GROUP)) as served:
        served.poll(reading(DB))
        config = ddbcfg_client.Config(names, Trust())

        def refused(accept: bool) -> str:
            try:
                config.reload(timeout=20, accept=accept)
            except ReloadFailed as error:
                return error.reason
            return ""

        assert as_stranger(lambda: refused(False)) == (
            "this user may not send requests; "
            f"join the group {GROUP} (systemd: SupplementaryGroups=)"
        )
        assert as_stranger(lambda: daemon_is_listening(names, Trust())) is False
        with served.polling():
            assert as_stranger(lambda: refused(False), GROUP) == ""
        only_root = "only root and the daemon's own user may do this"
        assert as_stranger(lambda: refused(True), GROUP) == only_root
        assert not served.polls.pending


@pytest.mark.parametrize("place", ["requests", "admin"])
def test_a_name_that_a_stranger_takes_later_is_said_with_his_uid_and_reading_goes_on(
    names: Names, place: str
) -> None:
    path = path_of(getattr(names, place))
    ready, go = os.pipe(), os.pipe()

    def daemon() -> tuple[str, str]:
        with serving(names) as served:
            served.publisher.publish(reading(DB))
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            with pytest.raises(ForeignObject) as caught:
                served.publisher.verify()
            config = ddbcfg_client.connect(names.namespace, names.store)
            return str(caught.value), config["db"]["host"]

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(as_stranger, daemon)
        os.read(ready[0], 1)
        path.unlink()
        path.touch()
        os.chown(path, SQUATTER, SQUATTER)
        os.write(go[1], b"x")
        said, host = running.result()
    assert f"uid {SQUATTER}" in said
    assert getattr(names, place) in said
    assert host == "ours"
    for fd in (*ready, *go):
        os.close(fd)


# --- namespaces ----------------------------------------------------------------------------------

unshare = pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is not installed")


@unshare
@pytest.mark.parametrize(
    ("namespaces", "first"),
    [
        (("--pid", "--fork", "--mount-proc"), "true"),
        (("--mount",), "mount -o remount,ro,bind /dev/shm && ! touch /dev/shm/x 2>/dev/null"),
        (("--user", "--map-root-user"), "true"),
    ],
    ids=["PID", "read-only mount", "user"],
)
def test_a_container_that_shares_dev_shm_can_ask(
    served: Served, namespaces: tuple[str, ...], first: str
) -> None:
    reload = f"exec {sys.executable} -m ddbcfg_client reload --namespace {served.names.namespace}"
    with served.polling(reading({"db": {"host": "new"}})):
        done = subprocess.run(
            ["unshare", *namespaces, "sh", "-c", f"{first} && {reload}"],
            cwd=ROOT,
            env=environment_of(),
            capture_output=True,
            encoding="utf-8",
            timeout=20,
            check=False,
        )
    assert (done.stdout, done.stderr) == ("generation 2\n", "")


@contextmanager
def publishing_in(names: Names, *namespaces: str) -> Iterator[None]:
    """A publisher in namespaces of its own, which is served and stopped like a daemon."""
    process = subprocess.Popen(
        ["unshare", *namespaces, sys.executable, "-m", "support.publishing", names.namespace],
        cwd=Path(__file__).parents[1],
        env={**environment_of(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.communicate()


@unshare
def test_a_daemon_in_another_pid_namespace_is_respected_by_its_socket(names: Names) -> None:
    with publishing_in(names, "--pid", "--fork", "--mount-proc"):
        page = Page(names, Trust())
        assert page.status().daemon_pid == 1
        # Without the lock's name only page and socket say that it lives.
        path_of(names.lock).unlink()
        with pytest.raises(WriterLocked, match="its pid is unknown"):
            Publisher(names)
    Publisher(names).close()


@unshare
def test_a_user_whom_the_daemon_cannot_know_may_ask_for_nothing(names: Names) -> None:
    # The daemon is root of a user namespace with no other user: all others have the overflow uid.
    with publishing_in(names, "--user", "--map-root-user"):
        path_of(names.requests).chmod(0o666)

        def response() -> bytes:
            with closing(connect(names)) as peer:
                return peer.recv(65536)

        refused = parse_response(as_stranger(response))
    assert refused.refused == "forbidden"
    assert "stands for users of other user namespaces" in refused.why
