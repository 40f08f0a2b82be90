"""Subinterpreters, as mod_wsgi makes them, with a GIL of their own or not: each reads alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.children import run_python
from support.shm import reading

ROOT = Path(__file__).resolve().parents[2]

# The module that makes them has had several names, none of them public.
PROGRAM = """
import sys
try:
    import _interpreters as interpreters
    made = interpreters.create("isolated" if sys.argv[1] == "isolated" else "legacy")
except ImportError:
    import _xxsubinterpreters as interpreters
    made = interpreters.create(isolated=sys.argv[1] == "isolated")
failed = interpreters.run_string(made, sys.argv[2])
interpreters.destroy(made)
sys.exit(f"{failed}" if failed else 0)
"""

READ = """
import sys
sys.path.insert(0, {root!r})
import ddbcfg_client
config = ddbcfg_client.connect({namespace!r}, "prod")
for _ in range(100):
    assert config.get("db") is config["db"] is config.db
print(config.db["host"], flush=True)
"""

# The compiled part alone, by its path.
HOT_ALONE = """
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
loader = ExtensionFileLoader("_compiled", {file!r})
hot = module_from_spec(spec_from_loader("_compiled", loader))
loader.exec_module(hot)
class Reader(hot.Hot):
    pass
words = memoryview(bytearray(4096)).cast("Q")
reader = Reader()
reader._view = words, 0, {{"db": "found"}}, float("inf"), None
for _ in range(100):
    assert reader.get("db") is reader["db"]
print(reader.get("db"), flush=True)
"""


def run_in(kind: str, program: str) -> subprocess.CompletedProcess[str]:
    return run_python("-c", PROGRAM, kind, program)


@pytest.mark.parametrize("kind", ["shared", "isolated"])
def test_it_reads(kind: str, names: Names) -> None:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "db"}}))
    publisher.close()
    done = run_in(kind, READ.format(root=str(ROOT), namespace=names.namespace))
    assert (done.returncode, done.stdout) == (0, "db\n"), done.stderr


@pytest.mark.parametrize("kind", ["shared", "isolated"])
def test_the_compiled_hot_path_does_in_both(kind: str) -> None:
    compiled = pytest.importorskip("ddbcfg_client._compiled")
    done = run_in(kind, HOT_ALONE.format(file=compiled.__file__))
    assert (done.returncode, done.stdout) == (0, "found\n"), done.stderr
