"""A whole daemon with ``--http``: what it serves, and what a wrong address does (G4, G7)."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

from ddbcfg_daemon.settings.http_address import HttpAddress
from support.daemon import SECRET, DaemonProcess, Host
from support.tables import ConfigTable
from support.waiting import wait_until
from support.web import connect, get


def address_of(daemon: DaemonProcess, count: int = 1) -> HttpAddress:
    line = daemon.wait_for("health checks are on http://", count)
    return HttpAddress.of(line.rpartition("//")[2].rstrip("/"))


def listens(address: HttpAddress) -> bool:
    try:
        with connect(address):
            return True
    except ConnectionRefusedError:
        return False


def test_a_daemon_serves_its_stores_and_follows_the_file(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    table.put("prod", "db", host=SECRET)
    file = tmp_path / "ddbcfg.toml"
    stores = f'[[stores]]\ntable="{table.name}"\nstore="prod"\nendpoint_url="{moto_url}"\n'
    file.write_text(f'http = "127.0.0.1:0"\n{stores}')
    daemon = host.daemon("--config", str(file))
    daemon.wait_for("generation 1")
    address = address_of(daemon)
    host.wait_for_status(lambda status: status.polls > 0)
    assert get(address, "/readyz").status == 200
    metrics = get(address, "/metrics").body
    assert re.search(r'ddbcfg_generation\{.*store="prod"\} 1.0', metrics)
    assert SECRET not in metrics

    # An address that is in use changes nothing.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        file.write_text(f'http = "127.0.0.1:{taken.getsockname()[1]}"\n{stores}')
        daemon.send(signal.SIGHUP)
        refusal = daemon.wait_for("settings unchanged")
        assert f"{file}:1: http: cannot listen on" in refusal
        assert get(address, "/readyz").status == 200
        # And at the start it is a usage error.
        second = host.daemon("--config", str(file))
        assert second.wait() == 2
        assert "it is in use" in second.output
        # A look at the settings does not listen.
        look = host.daemon("--config", str(file), "--check")
        assert (look.wait(), look.lines("http = ") != []) == (0, True)

    file.write_text(f'http = "127.0.0.1:0"\n{stores}interval = 30\n')
    daemon.send(signal.SIGHUP)
    daemon.wait_for("settings changed")
    wait_until(lambda: get(address, "/readyz").status == 200)
    file.write_text(stores)
    daemon.send(signal.SIGHUP)
    daemon.wait_for("settings changed", 2)
    wait_until(lambda: not listens(address))
    assert daemon.stop() == 0
