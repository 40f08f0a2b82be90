"""Daemon and applications in containers that share nothing but a tmpfs of 64 MiB as /dev/shm.

G3 (current at the next read), G5 (one writer), G7 (age, and a daemon that cannot be seen),
G9 (nobody is trusted whose uid is unknown).  docs/deployment.md says the same to operators.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import contrib
from support.children import answer, tell
from support.containers import (
    DAEMON,
    FIRST_ID,
    ROOT,
    SIZE,
    Pod,
    a_pod,
    namespaces_of,
    process_in,
)
from support.daemon import DaemonProcess, Host, environment_of
from support.namespaces import need_namespaces
from support.tables import ConfigTable
from support.whole_daemons import of

pytestmark = pytest.mark.usefixtures("unmeasured_children")

APPLICATION = 1000  # its uid; it has no group but those that are added
LOCKED = 75
NO_SNAPSHOT = 3

# Connects before it forks two workers, as a server that preloads its application does.  A line on
# standard input has the daemon poll.
_APPLICATION = """
import json, os, sys
import ddbcfg_client
from ddbcfg_client.errors import SnapshotError

def say(**what):
    os.write(1, json.dumps(what).encode() + b"\\n")

try:
    config = ddbcfg_client.connect(wait=20)
except SnapshotError as error:
    say(refused=type(error).__name__, text=str(error))
    raise SystemExit
for _ in range(2):
    if os.fork() == 0:
        while True:
            status, room = config.status(), os.statvfs("/dev/shm")
            say(host=config["db"]["host"], generation=config.generation, daemon=status.daemon,
                age=status.age, uid=os.getuid(), size=room.f_blocks * room.f_frsize,
                namespaces=[os.readlink(f"/proc/self/ns/{name}")
                            for name in ("mnt", "pid", "ipc", "user")])
            config.wait(timeout=30)
for _ in sys.stdin:
    config.reload(timeout=20)
"""


@pytest.fixture(autouse=True)
def _containers() -> None:
    need_namespaces()


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    with a_pod(tmp_path) as made:
        yield made


@contextmanager
def application(host: Host, within: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """An application's container, as compose.yaml and the manifests set it up."""
    settings = {"DDBCFG_NAMESPACE": host.namespace, "DDBCFG_OWNER": str(DAEMON)}
    with subprocess.Popen(
        [*within, sys.executable, "-c", _APPLICATION],
        cwd=ROOT,
        env=environment_of(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next thing that a worker of the application says."""
    found: dict[str, Any] = json.loads(answer(process))
    return found


def serve(host: Host, pod: Pod, table: ConfigTable, url: str) -> DaemonProcess:
    """A daemon's container, which polls only when it is requested to."""
    return host.daemon(*of(table, url), within=pod.within(DAEMON))


def probe(host: Host, pod: Pod) -> Iterator[int]:
    """The exit code of each probe that contrib/ has, in a container of the daemon's user."""
    for command in {tuple(command) for command in contrib.probes()}:
        assert command[0] == "ddbcfg-client"
        yield subprocess.run(
            [*pod.within(DAEMON), sys.executable, "-m", "ddbcfg_client", *command[1:]],
            env=environment_of({"DDBCFG_NAMESPACE": host.namespace, "DDBCFG_STORE": "prod"}),
            cwd=ROOT,
            capture_output=True,
            check=False,
        ).returncode


def test_workers_in_other_containers_are_current_and_outlive_the_daemons_container(
    host: Host, pod: Pod, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="first")
    assert set(probe(host, pod)) == {NO_SNAPSHOT}
    daemon = serve(host, pod, table, moto_url)
    daemon.wait_for("generation 1")
    assert set(probe(host, pod)) == {0}
    with ExitStack() as stack:
        apps = [
            stack.enter_context(
                application(host, pod.within(APPLICATION, [DAEMON], read_only=read_only))
            )
            for read_only in (False, True)
        ]
        first = [said(app) for app in apps for _ in range(2)]
        for worker in first:
            assert (worker["host"], worker["generation"], worker["uid"]) == (
                "first",
                1,
                APPLICATION,
            )
            assert worker["daemon"] == "hidden"
            assert 0 <= worker["age"] < 20
            assert worker["size"] == SIZE
        # No two containers share a namespace, and the daemon's shares none with the host.
        shown = [namespaces_of("self"), namespaces_of(process_in(daemon.pid))]
        shown += [first[0]["namespaces"], first[2]["namespaces"]]
        assert all(len(set(kind)) == len(shown) for kind in zip(*shown, strict=True))

        table.put("prod", "db", host="second")
        tell(apps[1], "poll")  # through the socket, on a read-only mount
        assert {said(app)["host"] for app in apps for _ in range(2)} == {"second"}

        daemon.send(signal.SIGKILL)
        daemon.wait()
        table.put("prod", "db", host="third")
        successor = serve(host, pod, table, moto_url)
        successor.wait_for("generation 3")
        last = [said(app) for app in apps for _ in range(2)]
        assert {(worker["host"], worker["generation"]) for worker in last} == {("third", 3)}

        second = serve(host, pod, table, moto_url)
        assert second.wait() == LOCKED
        assert "is served by another daemon" in second.output


def test_where_only_the_daemon_may_write_the_same_uids_read_and_others_say_what_they_lack(
    host: Host, tmp_path: Path, table: ConfigTable, moto_url: str
) -> None:
    """As the DaemonSet does, whose folder an init container gives to the daemon's user."""
    table.put("prod", "db", host="db")
    owner = FIRST_ID + DAEMON
    with a_pod(tmp_path, f"mode=0755,uid={owner},gid={owner}") as pod:
        serve(host, pod, table, moto_url).wait_for("generation 1")
        with application(host, pod.within(APPLICATION, [DAEMON], read_only=True)) as app:
            assert said(app)["host"] == "db"
        elsewhere = pod.within(APPLICATION, [DAEMON], read_only=True, first=FIRST_ID + 200_000)
        with application(host, elsewhere) as app:
            worker = said(app)
    assert worker["refused"] == "UntrustedSegment"
    assert "its owner cannot be seen from this user namespace" in worker["text"]
