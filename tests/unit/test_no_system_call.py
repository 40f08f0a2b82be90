"""A hot read makes no system call (G1): strace sees nothing between two marks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ddbcfg_client.layout.names import Names
from ddbcfg_daemon.publisher import Publisher
from support.shm import reading

PROGRAM = """
import os, sys
import ddbcfg_client
config = ddbcfg_client.connect(sys.argv[1], "prod")
config.get("db"), config["db"], config.db, config.get("other"), config.get("nope", None)
def mark(name):
    os.access(f"/mark-{name}", os.F_OK)
def read(times):
    for _ in range(times):
        config.get("db")
        config["db"]
        config.db
        config.get("other", None)
        config.get("nope", None)
read(10)
mark("start")
read(2000)
mark("end")
pinned = config.snapshot()
mark("pinned")
for _ in range(2000):
    pinned["db"]
mark("done")
"""


@pytest.mark.parametrize("pure", ["1", ""], ids=["python", "as built"])
def test_a_hot_read_makes_no_system_call(names: Names, tmp_path: Path, pure: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("there is no strace(1)")
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "db"}, "other": {}}))
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-o", str(trace), "env", f"DDBCFG_PURE={pure}"]
    done = subprocess.run(
        [*command, sys.executable, "-c", PROGRAM, names.namespace],
        capture_output=True,
        text=True,
        check=False,
    )
    publisher.close()
    if "ptrace" in done.stderr:
        pytest.skip(f"tracing is not allowed: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    calls = trace.read_text().splitlines()
    (start, end, pinned, last) = [number for number, call in enumerate(calls) if '"/mark-' in call]
    # The name of the page is looked at once a second, which may fall among these.
    between = [call for call in calls[start + 1 : end] if "ddbcfg." not in call]
    assert between == []
    assert end - start <= 3
    assert calls[pinned + 1 : last] == []
