"""What a daemon does for its memory: it does without, where that cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.children import run_python

WITHOUT = """
import sys
class Library:
    def __getattr__(self, name):
        raise {raised}
sys.modules["ctypes"] = {ctypes}
from ddbcfg_daemon import memory
assert memory._trim is None
memory.settle()
memory.give_back()
"""


@pytest.mark.parametrize(
    ("ctypes", "raised"),
    [("None", "AttributeError"), ("Library()", "MemoryError"), ("Library()", "OSError")],
    ids=["no ctypes", "no code in memory", "no library"],
)
def test_without_malloc_trim_the_daemon_runs_all_the_same(ctypes: str, raised: str) -> None:
    program = WITHOUT.format(ctypes=ctypes, raised=raised)
    subprocess.run([sys.executable, "-c", program], check=True)


def test_where_the_c_library_has_it_memory_is_given_back() -> None:
    program = """
from ddbcfg_daemon import memory
called = []
memory._trim = called.append
memory.give_back()
assert called == [0]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_dead_cycles_do_not_pile_up_beside_what_the_start_left() -> None:
    # Like requests that are under way when the young generations are collected, and dead after.
    program = """
import gc
from ddbcfg_daemon import memory

class Request:
    def __init__(self):
        self.itself = self

left_by_the_start = [Request() for _ in range(400_000)]
gc.collect()
memory.settle()
most = 0
for _ in range(200):
    under_way = [Request() for _ in range(300)]
    gc.collect(0)
    gc.collect(1)
    del under_way
    for _ in range(12):
        for _ in range(1000):
            Request()
    most = max(most, len(gc.get_objects()))
print(most)
"""
    done = run_python("-c", program, check=True)
    assert int(done.stdout) < 20_000


@pytest.mark.parametrize("by", [(), ("revision",)], ids=["without", "with a revision"])
def test_memory_is_not_past_twice_what_is_published(by: tuple[str, ...]) -> None:
    # For options of 300 bytes; docs/performance.md has a million of them, and smaller ones.
    done = subprocess.run(
        [sys.executable, "-m", "support.many_options", "60000", "300", *by],
        cwd=Path(__file__).parents[1],
        # Not the memory of what a tool that watches the suite keeps.
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    memory = json.loads(done.stdout)
    assert memory["published"] > 20e6
    assert memory["at rest"] < 1.9 * memory["published"]
    assert memory["at most"] < 2.2 * memory["published"]
