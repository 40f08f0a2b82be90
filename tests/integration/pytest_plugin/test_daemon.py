"""The fixture ddbcfg_daemon: a real daemon, in a namespace of its own, once a process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support.children import start_python
from support.waiting import wait_until

from .conftest import Run

WITH_A_DAEMON = """
import os, subprocess, sys, time
from decimal import Decimal
import pytest, ddbcfg_client
from ddbcfg_client import Config, OptionNotFound
from ddbcfg_client.errors import ValueRefused
from ddbcfg_client.testing import FakeConfig, RunningDaemon

seen = []

def test_what_is_set_is_read_at_once(ddbcfg_daemon):
    assert isinstance(ddbcfg_daemon, RunningDaemon)
    config = ddbcfg_daemon.connect()
    assert type(config) is Config and config.get() == {}
    ddbcfg_daemon.set("db", {"host": "h", "port": 5432, "raw": b"\\x00", "set": {b"a", b"b"}})
    assert config.db == {"host": "h", "port": Decimal(5432), "raw": b"\\x00", "set": {b"a", b"b"}}
    assert type(ddbcfg_daemon.connect(numbers="native").db["port"]) is int
    assert config.status().source == "local" and config.status().daemon == "running"
    ddbcfg_daemon.delete("db")
    with pytest.raises(OptionNotFound):
        config.db
    with pytest.raises(ValueRefused):
        ddbcfg_daemon.set("db", {"_store": 1})
    seen.append(ddbcfg_daemon)

def test_it_is_the_same_one_in_all_tests_and_real_beside_a_fake(ddbcfg_daemon, ddbcfg):
    assert ddbcfg_daemon is seen[0]
    assert type(ddbcfg_daemon.connect()) is Config
    ddbcfg_daemon.set("db", {"host": "daemon"})
    assert ddbcfg.get() == {} and ddbcfg_client.connect() is ddbcfg

def test_a_program_finds_it_by_its_environment(ddbcfg_daemon, monkeypatch):
    d = ddbcfg_daemon
    assert (d.table, d.store) == ("config", "test") and d.endpoint.startswith("http://127.0.0.1:")
    for name, value in d.environ.items():
        monkeypatch.setenv(name, value)
    assert ddbcfg_client.connect().db == {"host": "daemon"}
    client = [sys.executable, "-m", "ddbcfg_client"]
    subprocess.run([*client, "set", "db", "host=client"], check=True)
    subprocess.run([*client, "reload"], check=True)
    assert ddbcfg_client.connect().db == {"host": "client"}
    child = os.fork()
    if child == 0:  # a worker that outlives the tests, with all that it inherited
        time.sleep(100)
        os._exit(0)
    print("namespace", d.namespace, d._process.pid, child)
"""

SKIPPED = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "moto" else real(name, *more)

def test_it(ddbcfg_daemon):
    raise AssertionError
"""


def test_a_daemon_for_the_tests_of_a_process(run: Run) -> None:
    done = run("-s", test_it=WITH_A_DAEMON)
    done.assert_outcomes(passed=3)
    line = next(line for line in done.outlines if "namespace pytest-" in line)
    namespace, pid, child = line.split()[-3:]
    os.kill(int(child), signal.SIGKILL)
    assert not [name for name in os.listdir("/dev/shm") if namespace in name]
    assert not os.path.exists(f"/proc/{pid}")


def test_it_is_skipped_with_the_reason_where_it_cannot_run(run: Run) -> None:
    done = run("-rs", test_it=SKIPPED)
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines("*moto not installed: pip install 'ddbcfg?local?'*")


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    code = """
import sys
from ddbcfg_client.testing import RunningDaemon
daemon = RunningDaemon()
print(daemon.namespace, daemon._process.pid, flush=True)
sys.stdin.read()
"""
    # The daemon does not import the program's modules instead of Python's.
    tmp_path.joinpath("secrets.py").write_text("raise AssertionError")
    with start_python("-c", code, cwd=tmp_path) as parent:
        assert parent.stdout is not None
        namespace, pid = parent.stdout.readline().split()
        assert [name for name in os.listdir("/dev/shm") if namespace in name]
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not [name for name in os.listdir("/dev/shm") if namespace in name])
    wait_until(lambda: not _runs(int(pid)))


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_daemon_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from ddbcfg_client.errors import DaemonNotStarted
    from ddbcfg_client.testing import RunningDaemon

    monkeypatch.setattr(RunningDaemon, "_command", lambda *_: ["ddbcfg_daemon", "--interval", "x"])
    with pytest.raises(DaemonNotStarted, match="--interval") as caught:
        RunningDaemon()
    assert "usage" in caught.value.output
