"""G5, one writer: daemons that share /dev/shm and cannot see each other's processes.

As two sidecars of two containers do: each in a PID namespace with a /proc of its own.
"""

from __future__ import annotations

import signal

import pytest

from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_daemon.publishing.objects import path_of
from support import namespaces
from support.daemon import DaemonProcess, Host
from support.tables import ConfigTable
from support.waiting import wait_until

# SIGKILL of the first process there, which is unshare's child, kills all.
SIDECAR = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
LOCKED = 75


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    namespaces.need_namespaces()


def test_of_daemons_that_cannot_see_each_other_one_serves_whatever_is_removed(
    host: Host, table: ConfigTable, moto_url: str
) -> None:
    table.put("prod", "db", host="first")
    names, config = host.names(), host.config()

    def sidecar() -> DaemonProcess:
        # No second poll, at which the first would put right what is removed.
        flags = ("--table", table.name, "--store", "prod", "--endpoint-url", moto_url)
        return host.daemon(*flags, "--interval", "3600", within=SIDECAR)

    def is_refused(late: DaemonProcess) -> bool:
        code = late.wait()
        assert "is served by another daemon on this host (its pid is unknown)" in late.output
        return code == LOCKED

    first = sidecar()
    first.wait_for("generation 1")
    status = host.wait_for_status(lambda status: status.polls > 0)
    assert (status.daemon, status.daemon_pid) == ("hidden", None)
    assert config["db"] == {"host": "first"}
    assert is_refused(sidecar())
    # Without the lock's name it is the socket that tells; and without the page, too.
    path_of(names.lock).unlink()
    assert is_refused(sidecar())
    path_of(names.lock).unlink(missing_ok=True)
    path_of(names.page).unlink()
    assert is_refused(sidecar())
    assert config["db"] == {"host": "first"}  # what it has, it keeps
    with pytest.raises(SnapshotUnavailable):
        host.config().get()
    config.reload(timeout=20)  # a poll, and all is in place again
    status = host.wait_for_status(lambda status: status.polls == 2)
    assert status.generation == 1
    assert is_refused(sidecar())
    # Killed, it is in nobody's way.
    first.send(signal.SIGKILL)
    first.wait()
    second = sidecar()
    second.wait_for("serving")
    table.put("prod", "db", host="second")
    config.reload(timeout=20)
    wait_until(lambda: config["db"] == {"host": "second"})
    assert config.generation == 2
