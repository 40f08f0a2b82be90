"""G10, light: importing and reading loads next to nothing, starts no thread and opens nothing."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.readonly import COMPILED
from ddbcfg_daemon.publishing.publisher import Publisher
from support.children import run_python
from support.shm import reading

pytestmark = pytest.mark.usefixtures("unmeasured_children")

CHILD = """
import os, sys

def now():
    with open("/proc/self/maps") as maps:
        shared = "/dev/shm" in maps.read()
    return {
        "modules": sorted(sys.modules),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "shared memory": shared,
    }

now()  # what it needs itself is loaded, and its own descriptors are closed
stages = {"start": now()}
import ddbcfg_client
stages["import"] = now()
config = ddbcfg_client.connect(sys.argv[1], "prod")
assert config.get("db")["host"] == "h"
assert config["db"] is config.db is config.get("db")
assert config.get() == {"db": config["db"]} and list(config) == ["db"] and len(config) == 1
assert config.get("nope", None) is None and "nope" not in config
assert config.generation == config.snapshot().generation == 1 and len(config.digest) == 64
stages["read"] = now()
import json
print(json.dumps(stages))
"""

# Not only the big ones: each of these costs a process that only reads a millisecond or more.
HEAVY = {
    "argparse",
    "ast",
    "asyncio",
    "boto3",
    "botocore",
    "concurrent",
    "contextlib",
    "ctypes",
    "dataclasses",
    "django",
    "enum",
    "functools",
    "hashlib",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "multiprocessing",
    "openfeature",
    "pathlib",
    "pydantic",
    "pydantic_settings",
    "random",
    "re",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "typing",
    "urllib",
}


@pytest.fixture
def stages(names: Names) -> Any:
    """What a process that imports, connects and reads has to say about itself."""
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"host": "h", "port": 1, "set": {2}, "list": [b"x"]}}))
    publisher.close()
    done = run_python("-c", CHILD, names.namespace, check=True)
    return json.loads(done.stdout)


def test_reading_needs_the_standard_library_only(stages: Any) -> None:
    """And msgpack where nothing was compiled."""
    loaded = set(stages["read"]["modules"]) - set(stages["start"]["modules"])
    packages = {name.partition(".")[0] for name in loaded}
    # msgpack is made with Cython, which keeps its own state in modules that it makes up.
    packages = {name for name in packages if not name.startswith(("_cython_", "cython_runtime"))}
    ours = {"ddbcfg_client"} if COMPILED else {"ddbcfg_client", "msgpack"}
    assert packages - sys.stdlib_module_names == ours
    assert not COMPILED or "datetime" not in loaded


@pytest.mark.parametrize("stage", ["import", "read"])
def test_nothing_heavy_is_loaded(stages: Any, stage: str) -> None:
    """Whatever the interpreter itself had loaded at its start does not count."""
    loaded = set(stages[stage]["modules"]) - set(stages["start"]["modules"])
    assert loaded & HEAVY == set()
    # Nor are the parts of the client that reading does not need.
    ours = {name for name in loaded if name.startswith("ddbcfg_")}
    assert ours.isdisjoint(
        {
            "ddbcfg_client.commands.main",
            "ddbcfg_client.dynamodb",
            "ddbcfg_client.errors.table",
            "ddbcfg_client.file_config",
            "ddbcfg_client.in_memory",
            "ddbcfg_client.shm.status",
        }
    )
    assert not any(name.startswith("ddbcfg_daemon") for name in ours)


def test_reading_imports_nothing(stages: Any) -> None:
    """A fork while another thread imports would leave the child waiting for the import lock."""
    assert stages["read"]["modules"] == stages["import"]["modules"]


def test_importing_opens_nothing_and_starts_nothing(stages: Any) -> None:
    assert stages["import"]["descriptors"] == stages["start"]["descriptors"]
    assert stages["import"]["threads"] == stages["read"]["threads"] == 1
    assert stages["import"]["shared memory"] is False
    assert stages["read"]["shared memory"] is True
