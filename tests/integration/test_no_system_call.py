"""A hot read makes no system call (G1): strace sees nothing between two marks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading

PREPARE = """
import os, sys
import ddbcfg_client
config = ddbcfg_client.connect(sys.argv[1], "prod", max_age=60)
def mark(name):
    os.access(f"/mark-{name}", os.F_OK)
def read(times):
    for _ in range(times):
        config.get("db")
        config["db"]
        config.db
        config.get("other", None)
        config.get("nope", None)
read(500)  # what a read makes for a moment has its place in memory then
"""

HOT = """
mark("start")
read(2000)
mark("end")
pinned = config.snapshot()
mark("pinned")
for _ in range(2000):
    pinned["db"]
mark("done")
"""

KEPT_AWAY = """
os.setgroups([]), os.setgid(65534)
os.setuid(65534)
print("ready", flush=True)
sys.stdin.readline()
read(10)
assert config._view[4].trouble is not None
view = config._view
while config._view is view:
    read(1)
mark("start")
read(2000)
mark("end")
assert config.generation == 1
"""


def calls_of(program: str, names: Names, trace: Path, pure: str) -> list[str]:
    """The system calls of a program that is to print nothing, or a line when it wants news."""
    if shutil.which("strace") is None:
        pytest.skip("there is no strace(1)")
    publisher = Publisher(names)
    publish(publisher, "db")
    command = ["strace", "-f", "-o", str(trace), "env", f"DDBCFG_PURE={pure}"]
    with subprocess.Popen(
        [*command, sys.executable, "-c", PREPARE + program, names.namespace],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline():
            publish(publisher, "news")
        _, errors = process.communicate("go on\n")
    publisher.close()
    if "ptrace" in errors:
        pytest.skip(f"tracing is not allowed: {errors.strip()}")
    assert process.returncode == 0, errors
    return trace.read_text().splitlines()


def publish(publisher: Publisher, host: str) -> None:
    publisher.publish(reading({"db": {"host": host}, "other": {}}))
    publisher.report(PageStatus(success=boottime()))


@pytest.mark.parametrize("pure", ["1", ""], ids=["python", "as built"])
def test_a_hot_read_makes_no_system_call(names: Names, tmp_path: Path, pure: str) -> None:
    calls = calls_of(HOT, names, tmp_path / "trace", pure)
    (start, end, pinned, last) = [number for number, call in enumerate(calls) if '"/mark-' in call]
    # The name of the page is looked at once a second, which may fall among these.
    between = [call for call in calls[start + 1 : end] if "ddbcfg." not in call]
    assert between == []
    assert end - start <= 3
    assert calls[pinned + 1 : last] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("pure", ["1", ""], ids=["python", "as built"])
def test_a_reader_that_is_kept_away_reads_hot_between_two_tries(
    names: Names, tmp_path: Path, pure: str
) -> None:
    calls = calls_of(KEPT_AWAY, names, tmp_path / "trace", pure)
    (start, end) = [number for number, call in enumerate(calls) if '"/mark-' in call]
    assert calls[start + 1 : end] == []
