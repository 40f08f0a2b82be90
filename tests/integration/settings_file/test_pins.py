"""A pinned store in a file that is read again: changed, removed and back, it stays pinned (G4)."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from support.daemon import DaemonProcess, Host
from support.tables import ConfigTable


class Setting:
    """A file with stores a and b of one table, of which a is pinned, and its daemon."""

    def __init__(self, host: Host, table: ConfigTable, url: str, folder: Path) -> None:
        self.host = host
        self.table = table
        self.file = folder / "ddbcfg.toml"
        self._common = f'interval = 3600\nendpoint_url = "{url}"\ntable = "{table.name}"\n'
        self._common += f'state_dir = "{folder}"\n'

    def write(self, *stores: str) -> None:
        self.file.write_text("\n".join([self._common, *(f"[[stores]]\n{its}" for its in stores)]))

    def start(self) -> DaemonProcess:
        self.write('store = "a"', 'store = "b"')
        self.table.put("a", "db", host="first")
        self.table.put("b", "db", host="first")
        daemon = self.host.daemon("--config", str(self.file))
        daemon.wait_for(f"{self.host.namespace}/b: generation 1")
        daemon.wait_for(f"{self.host.namespace}/a: generation 1")
        self.push("second")
        return daemon

    def push(self, host: str) -> int:
        self.table.put("a", "db", host=host)
        return self.host.client("reload", "--store", "a").returncode

    def kept(self) -> list[int]:
        done = self.host.client("generations", "--store", "a", "--json")
        return [json.loads(line)["generation"] for line in done.stdout.splitlines()]

    @property
    def served(self) -> object:
        return self.host.config("a").get("db")["host"]


@pytest.fixture
def setting(host: Host, table: ConfigTable, moto_url: str, tmp_path: Path) -> Setting:
    return Setting(host, table, moto_url, tmp_path)


def test_a_file_that_cannot_be_used_costs_no_generation(setting: Setting) -> None:
    daemon = setting.start()
    # The wrong line is found after the store whose number of generations it changes.
    setting.write('store = "a"\nkeep_generations = 0', 'store = "b"\nstate_dir = "/nowhere"')
    daemon.send(signal.SIGHUP)
    daemon.wait_for("settings unchanged, because they cannot be used: ")
    assert setting.push("third") == 0
    assert setting.kept() == [3, 2, 1]
    # And one that can be used does.
    setting.write('store = "a"\nkeep_generations = 2', 'store = "b"')
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"serving {setting.host.namespace}/a", 2)
    assert setting.push("fourth") == 0
    assert setting.kept() == [4, 3]
    assert daemon.stop() == 0


def test_a_pinned_store_is_changed_and_removed_and_stays_pinned(
    setting: Setting, host: Host
) -> None:
    daemon = setting.start()
    assert host.client("pin", "--store", "a", "--generation", "1").returncode == 0
    assert setting.served == "first"
    setting.write('store = "a"\nkeep_generations = 1\nmax_shrink = 99\nmode = "0600"')
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"serving {host.namespace}/a", 2)
    assert setting.push("third") == 5
    assert setting.served == "first"
    # It leaves the file, loses its memory, and comes again.
    setting.write('store = "b"')
    daemon.send(signal.SIGHUP)
    host.wait_for_status(lambda status: status.daemon == "stopped", "a")
    assert "pinned" in host.client("status", "--store", "a").stdout
    done = host.client("remove", "a", "--yes")
    assert done.returncode == 0, done.stderr
    assert "it stays pinned" in done.stdout
    setting.write('store = "a"', 'store = "b"')
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"serving {host.namespace}/a", 3)
    host.wait_for_status(lambda status: bool(status.generation), "a")
    assert setting.push("fourth") == 5
    assert setting.served == "first"
    assert host.client("unpin", "--store", "a").returncode == 0
    assert setting.served == "fourth"
    assert daemon.stop() == 0
