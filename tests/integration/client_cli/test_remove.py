"""``ddbcfg-client remove``: what a daemon left goes, and never what one serves (G4, G5)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.publishing.objects import Access, create, temporary
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.publishing.takeover import take_lock
from ddbcfg_daemon.publishing.writer_lock import WriterLock
from support.client_cli import STORE, Publish, answered, failed, running
from support.daemon import Host
from support.publishing import Publishing
from support.request_serving import serving
from support.shm import objects_of, reading


def left(host: Host, store: str = "prod") -> list[Path]:
    """All files of the store, those with temporary names too."""
    prefix = host.names(store).temporary_prefix[1:]
    temporaries = [path for path in Path("/dev/shm").iterdir() if path.name.startswith(prefix)]
    return [*objects_of(host.names(store)), *temporaries]


def test_what_a_killed_daemon_left_is_removed(host: Host, publish: Publish) -> None:
    publish(STORE, "other")
    publishing = Publishing(host.names())
    publishing.publish()
    publishing.kill()
    os.close(create(temporary(host.names()), Access()))
    number = len(left(host))
    assert number >= 4
    said = answered(host.client("remove", "prod", "--yes"))
    assert said == f"removed {number} objects of store {host.namespace}/prod\n"
    assert left(host) == []
    assert answered(host.client("get", "empty", "--store", "other")) == "{}\n"
    # Whoever comes next begins anew.
    publisher = Publisher(host.names())
    assert publisher.publish(reading(STORE))
    publisher.close()


def test_a_reader_goes_on_with_what_it_has(host: Host) -> None:
    publisher = Publisher(host.names())
    publisher.publish(reading(STORE))
    config = host.config()
    assert config.get("empty") == {}
    publisher.close()
    answered(host.client("remove", "prod", "--yes"))
    assert config.get("db")["host"] == "db-cluster.com"
    with pytest.raises(SnapshotUnavailable):
        host.config().get("empty")


def test_nothing_is_removed_while_a_daemon_serves_the_store(host: Host, publish: Publish) -> None:
    publish(STORE)
    before = left(host)
    said = failed(host.client("remove", "prod", "--yes"), 7)
    assert f"(pid {os.getpid()}); nothing was removed" in said
    assert left(host) == before


@pytest.mark.parametrize("pid", [0, 1])
def test_the_writer_lock_is_believed_if_the_page_names_no_daemon(
    host: Host, publish: Publish, pid: int
) -> None:
    """As of one that is just starting."""
    publish(STORE).report(running(daemon_pid=pid, daemon_start=1))
    before = left(host)
    assert "is served by a daemon" in failed(host.client("remove", "prod", "--yes"), 7)
    assert left(host) == before


def test_the_socket_is_believed_if_the_lock_was_removed_and_the_daemon_cannot_be_seen(
    host: Host,
) -> None:
    with serving(host.names()) as served:
        served.publisher.publish(reading(STORE))
        served.publisher.report(running(daemon_pidns=1))
        Path(f"/dev/shm{host.names().lock}").unlink()
        before = left(host)
        said = failed(host.client("remove", "prod", "--yes"), 7)
        assert "its pid cannot be seen from here" in said
        assert left(host) == before


def test_no_daemon_takes_the_store_over_meanwhile(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ddbcfg_client.shm import removal

    Publisher(host.names()).close()
    seen = []

    def unlink(names: object, file: str) -> None:
        with pytest.raises(WriterLocked):
            take_lock(host.names(), Access(), Trust())
        seen.append(file)
        real(names, file)  # type: ignore[arg-type]

    real = removal._unlink
    monkeypatch.setattr(removal, "_unlink", unlink)
    removal.remove(host.names(), Trust())
    assert seen[0] == host.names().page[1:]
    assert seen[-1] == host.names().lock[1:]
    WriterLock(host.names(), Access()).release()


def test_without_a_terminal_it_wants_yes(host: Host) -> None:
    Publisher(host.names()).close()
    done = host.client("remove", "prod")
    assert (done.returncode, done.stdout) == (2, "")
    assert "add --yes" in done.stderr
    assert left(host)


def test_a_store_that_is_not_here(host: Host) -> None:
    assert "has nothing in the shared memory" in failed(host.client("remove", "typo", "--yes"), 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_removes_nothing(host: Host) -> None:
    from ddbcfg_client.errors import RemovalRefused
    from ddbcfg_client.shm import removal

    Publisher(host.names()).close()
    before = left(host)
    os.seteuid(65533)
    try:
        with pytest.raises(RemovalRefused, match="belongs to uid 0; run this as root"):
            removal.remove(host.names(), Trust())
    finally:
        os.seteuid(0)
    assert left(host) == before
