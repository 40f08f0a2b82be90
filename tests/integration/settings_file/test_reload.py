"""SIGHUP reads the file again: stores come, go and change, and the others go on (G4, G5)."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from support import fault_proxy as faults
from support.daemon import SECRET, DaemonProcess, Host
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable
from support.waiting import wait_until


class Setting:
    """A file, and the daemon that reads it."""

    def __init__(self, host: Host, table: ConfigTable, url: str, folder: Path) -> None:
        self.host = host
        self.table = table
        self.folder = folder
        self.file = folder / "ddbcfg.toml"
        self._url = url
        for store in ("a", "b", "c"):
            table.put(store, "db", host=SECRET)

    def store(self, name: str, *more: str, url: str = "") -> str:
        lines = [f'table = "{self.table.name}"', f'store = "{name}"']
        lines += [f'endpoint_url = "{url or self._url}"', *more]
        return "\n".join(["[[stores]]", *lines, ""])

    def daemon(self, *stores: str, common: str = "", **variables: str) -> DaemonProcess:
        self.write(*stores, common=common)
        daemon = self.host.daemon("--config", str(self.file), **variables)
        for name in re.findall('store = "(.)"', self.file.read_text()):
            daemon.wait_for(f"{self.host.namespace}/{name}: generation 1")
        return daemon

    def write(self, *stores: str, common: str = "") -> None:
        new = self.file.with_name("new")
        new.write_text("interval = 3600\n" + common + "".join(stores))
        new.replace(self.file)


@pytest.fixture
def setting(host: Host, table: ConfigTable, moto_url: str, tmp_path: Path) -> Setting:
    return Setting(host, table, moto_url, tmp_path)


def test_stores_come_go_and_change_and_the_others_go_on(setting: Setting, host: Host) -> None:
    daemon = setting.daemon(setting.store("a"), setting.store("b"))
    readers = {name: host.config(name) for name in "abc"}
    assert readers["a"].get("db") == readers["b"].get("db") == {"host": SECRET}
    setting.write(setting.store("b", 'mode = "0600"'), setting.store("c"))
    daemon.send(signal.SIGHUP)
    namespace = host.namespace
    line = daemon.wait_for("settings changed: ")
    assert line.endswith(f"added {namespace}/c; changed {namespace}/b; removed {namespace}/a")
    daemon.wait_for(f"{namespace}/c: generation 1")
    assert readers["c"].get("db") == {"host": SECRET}
    # The one that is gone stays readable, and says that nobody refreshes it.
    gone = host.wait_for_status(lambda status: status.daemon == "stopped", "a")
    assert gone.generation == 1
    assert readers["a"].get("db") == {"host": SECRET}
    # The changed one goes on with its generation, under its new settings.
    daemon.wait_for(f"serving {namespace}/b", 2)
    status = host.wait_for_status(lambda status: status.daemon_pid == daemon.pid, "b")
    assert status.generation == 1
    assert len(daemon.lines(f"serving {namespace}/")) == 4
    setting.table.put("b", "db", host="new")
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"{namespace}/b: generation 2")
    assert readers["b"].get("db") == {"host": "new"}
    # It can come back, too.
    setting.write(setting.store("a"))
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"serving {namespace}/a", 2)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.output


def test_an_unchanged_store_keeps_its_poller_and_is_polled(setting: Setting, host: Host) -> None:
    daemon = setting.daemon(setting.store("a"))
    setting.write("\n# Only the lines moved.\n", setting.store("a"), setting.store("b"))
    setting.table.put("a", "db", host="new")
    daemon.send(signal.SIGHUP)
    assert daemon.wait_for(f"{host.namespace}/a: generation 2").endswith("; changed db")
    daemon.wait_for(f"{host.namespace}/b: generation 1")
    assert len(daemon.lines(f"serving {host.namespace}/a")) == 1
    assert daemon.stop() == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("intervall = 5\n", ":2: there is no setting 'intervall'"),
        ('schema = "/nowhere.json"\n', ":2: schema: schema /nowhere.json"),
        ('state_dir = "/nowhere"\n', ":2: state_dir: "),
        (None, "cannot read"),
    ],
)
def test_a_wrong_file_changes_nothing_and_says_why(
    setting: Setting, host: Host, text: str | None, words: str
) -> None:
    daemon = setting.daemon(setting.store("a"))
    if text is None:
        setting.file.unlink()
    else:
        # Everything else in it is a change, too.
        setting.file.write_text(f"poll_timeout = 9\n{text}" + setting.store("b"))
    setting.table.put("a", "db", host="new")
    daemon.send(signal.SIGHUP)
    line = daemon.wait_for("settings unchanged, because they cannot be used: ")
    assert words in line
    # It polls all the same.
    daemon.wait_for(f"{host.namespace}/a: generation 2")
    assert len(daemon.lines("serving ")) == 1
    setting.write(setting.store("a"), setting.store("b"))
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"{host.namespace}/b: generation 1")
    assert daemon.stop() == 0


def test_a_poll_that_hangs_delays_its_own_store_alone(
    setting: Setting, host: Host, proxy: FaultProxy
) -> None:
    daemon = setting.daemon(setting.store("a", url=proxy.url), setting.store("b"))
    proxy.fail(faults.HANG)
    requests = len(proxy.requests)
    daemon.send(signal.SIGHUP)
    proxy.wait_for(requests + 1)
    # A repaired endpoint, and another store: that one need not wait.
    setting.write(setting.store("a"), setting.store("b"), setting.store("c"))
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"{host.namespace}/c: generation 1")
    setting.table.put("b", "db", host="new")
    daemon.send(signal.SIGHUP)
    daemon.wait_for(f"{host.namespace}/b: generation 2")
    proxy.heal()
    daemon.wait_for(f"serving {host.namespace}/a", 2)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.output
    assert "another daemon" not in daemon.output


def test_a_changed_schema_counts_as_a_change_of_its_stores(setting: Setting, host: Host) -> None:
    schema = setting.folder / "schema.json"
    schema.write_text("{}")
    daemon = setting.daemon(setting.store("a", f'schema = "{schema}"'), setting.store("b"))
    schema.write_text(json.dumps({"db": {"properties": {"host": {"type": "number"}}}}))
    daemon.send(signal.SIGHUP)
    assert daemon.wait_for("settings changed: ").endswith(f"changed {host.namespace}/a")
    status = host.wait_for_status(lambda status: bool(status.held), "a")
    assert "violates 'type' number" in str(status.held)
    assert daemon.stop() == 0


def test_log_level_and_metrics_follow_the_file(setting: Setting, host: Host) -> None:
    metrics = setting.folder / "ddbcfg.prom"
    daemon = setting.daemon(setting.store("a"), setting.store("b"))
    common = f'metrics_file = "{metrics}"\nlog_level = "warning"\n'
    setting.write(setting.store("a"), common=common)
    daemon.send(signal.SIGHUP)
    host.wait_for_status(lambda status: status.daemon == "stopped", "b")
    wait_until(metrics.exists)
    text = metrics.read_text()
    assert 'store="a"} 1' in text
    assert 'store="b"' not in text
    assert daemon.stop() == 0
    assert daemon.lines("stopping on SIGTERM") == []


def test_changes_faster_than_polls_leave_the_last_one_and_nothing_else(
    setting: Setting, host: Host
) -> None:
    (setting.folder / "state").mkdir(mode=0o700)
    common = f'state_dir = "{setting.folder / "state"}"\n'
    daemon = setting.daemon(setting.store("a"), setting.store("b"), common=common)

    def settled(interval: int) -> int:
        """How many files of /dev/shm it has open, once it polled with this interval."""
        status = host.wait_for_status(lambda its: its.interval == interval and its.polls > 0, "b")
        assert status.generation == 1
        # Each store has its refresher, and a thread for the disk, which starts with a poll.
        wait_until(lambda: len(list(tasks.iterdir())) == threads)
        fds = [*Path(f"/proc/{daemon.pid}/fd").iterdir()]
        files = [os.path.realpath(fd) for fd in fds]  # its own path, if it was closed meanwhile
        return sum(file.startswith("/dev/shm/") for file in files)

    tasks = Path(f"/proc/{daemon.pid}/task")
    # Of each store the copy and, written after it, the folder with the generations.
    wait_until(lambda: len(list((setting.folder / "state").iterdir())) == 4)
    threads = len(list(tasks.iterdir()))
    before = settled(3600)
    for interval in range(101, 109):
        changes = len(daemon.lines("settings changed: "))
        other = setting.store("b", f"interval = {interval}")
        setting.write(setting.store("a"), other, common=common)
        daemon.send(signal.SIGHUP)
        daemon.wait_for("settings changed: ", changes + 1)
    assert settled(108) == before
    assert len(daemon.lines(f"serving {host.namespace}/a")) == 1
    assert daemon.stop() == 0
    for words in ("Traceback", "another daemon", "CRITICAL"):
        assert words not in daemon.output


def test_flags_and_variables_still_win_after_a_reload(setting: Setting, host: Host) -> None:
    daemon = setting.daemon(setting.store("a"), DDBCFG_INTERVAL="7200")
    assert "every 7200 s" in daemon.wait_for(f"serving {host.namespace}/a")
    setting.write(setting.store("b", "interval = 5"))
    daemon.send(signal.SIGHUP)
    assert "every 7200 s" in daemon.wait_for(f"serving {host.namespace}/b")
    assert daemon.stop() == 0
