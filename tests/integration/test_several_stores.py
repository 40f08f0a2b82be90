"""Several stores of one daemon: the trouble of one is no trouble of the others (G4)."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.daemon import SECRET, DaemonProcess, Host, ServiceManager
from support.tables import ConfigTable
from support.waiting import wait_until

Start = Callable[..., DaemonProcess]


class Squatter:
    """What even root cannot remove from a name: a folder that is not empty."""

    def __init__(self, name: str) -> None:
        self._folder = Path(f"/dev/shm{name}")

    def take(self) -> None:
        self._folder.mkdir()
        (self._folder / "mine").touch()

    def leave(self) -> None:
        if self._folder.is_dir():
            (self._folder / "mine").unlink()
            self._folder.rmdir()


@pytest.fixture
def squat(host: Host) -> Iterator[Callable[[str], Squatter]]:
    squatters = []

    def squat(store: str) -> Squatter:
        squatters.append(Squatter(host.names(store).page))
        squatters[-1].take()
        return squatters[-1]

    yield squat
    for squatter in squatters:
        squatter.leave()


@pytest.fixture
def start(host: Host, table: ConfigTable, moto_url: str) -> Start:
    for store in ("prod", "test"):
        table.put(store, "db", host=SECRET)

    def start(*arguments: str, **settings: str) -> DaemonProcess:
        return host.daemon(
            *("--table", table.name, "--store", "prod", "--store", "test"),
            *("--endpoint-url", moto_url, "--interval", "0.2", "--max-shrink", "100", *arguments),
            **settings,
        )

    return start


def test_a_store_whose_page_somebody_squats_stops_that_store_alone(
    host: Host, start: Start, squat: Callable[[str], Squatter], tmp_path: Path
) -> None:
    metrics = tmp_path / "ddbcfg.prom"
    squatter = squat("prod")
    with ServiceManager() as manager:
        daemon = start("--metrics-file", str(metrics), NOTIFY_SOCKET=manager.address)
        states = manager.receive_until("READY=1")[-1]
        (status,) = (state for state in states if state.startswith("STATUS="))
        assert f"{host.namespace}/prod: not served: {host.names().page} is in the way" in status
        assert f"{host.namespace}/test: generation 1, 1 option" in status
    assert host.config("test").get("db") == {"host": SECRET}
    daemon.wait_for(f"{host.namespace}/prod: not served: ")
    assert f'ddbcfg_served{{namespace="{host.namespace}",store="prod"}} 0' in metrics.read_text()
    squatter.leave()
    daemon.wait_for(f"{host.namespace}/prod: generation 1")
    assert host.config("prod").get("db") == {"host": SECRET}
    assert daemon.stop() == 0


def test_what_is_true_of_every_store_ends_the_daemon_with_its_code(
    host: Host, start: Start, squat: Callable[[str], Squatter]
) -> None:
    squat("prod"), squat("test")
    daemon = start()
    assert daemon.wait() == 77
    assert f"{host.names().page} is in the way" in daemon.output


def test_a_second_daemon_serves_what_the_first_does_not(
    host: Host, table: ConfigTable, moto_url: str, start: Start
) -> None:
    arguments = ("--table", table.name, "--endpoint-url", moto_url, "--interval", "0.2")
    first = host.daemon(*arguments, "--store", "prod")
    first.wait_for("generation 1")
    second = start()
    second.wait_for(f"{host.namespace}/test: generation 1")
    second.wait_for("/prod: not served: store 'prod' is served by another daemon")
    third = start()
    assert third.wait() == 75
    assert first.stop() == 0
    second.wait_for(f"serving {host.namespace}/prod")
    assert host.wait_for_status(lambda status: status.daemon_pid == second.pid).generation == 1
    assert second.stop() == 0


def test_a_store_that_is_refused_at_first_boot_does_not_keep_ready_from_the_other(
    host: Host, table: ConfigTable, start: Start, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"db": {"properties": {"host": {"type": "string"}}}}))
    table.put("prod", "db", host=5)
    with ServiceManager() as manager:
        daemon = start("--schema", str(schema), NOTIFY_SOCKET=manager.address)
        states = manager.receive_until("READY=1")[-1]
        assert "option 'db'['host'] violates 'type' string" in " ".join(states)
    assert host.config("test").get("db") == {"host": SECRET}
    assert daemon.stop() == 0


def test_once_publishes_what_can_be_published_and_says_what_cannot(
    host: Host, start: Start, squat: Callable[[str], Squatter]
) -> None:
    squat("prod")
    daemon = start("--once")
    assert daemon.wait() == 1
    assert f"ddbcfg-daemon: {host.names().page} is in the way" in daemon.output
    assert host.config("test").get("db") == {"host": SECRET}


def test_a_store_that_takes_all_the_memory_is_a_failed_poll_of_its_own(
    host: Host, table: ConfigTable, start: Start
) -> None:
    daemon = start(MALLOC_ARENA_MAX="1")  # else glibc has reserved 64 MB for each thread
    for store in ("prod", "test"):
        daemon.wait_for(f"{host.namespace}/{store}: generation 1")
        host.wait_for_status(lambda status: status.polls > 1, store)
    used = int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + (12 << 20)
    resource.prlimit(daemon.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    for number in range(60):
        table.put("prod", f"large-{number}", value="x" * 390_000)
    host.wait_for_status(lambda status: status.failures > 1)
    table.put("test", "db", host="after")
    host.wait_for_status(lambda status: status.generation == 2, "test")
    assert daemon.exit_code is None
    assert host.config("prod").get("db") == {"host": SECRET}
    for number in range(60):
        table.delete("prod", f"large-{number}")
    table.put("prod", "db", host="after")
    # A poll may come between two of these writes.
    wait_until(lambda: host.config("prod").get() == {"db": {"host": "after"}})
    host.wait_for_status(lambda status: not status.failures)
    assert daemon.stop() == 0
