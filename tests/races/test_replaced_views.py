"""G2 and G3, in threads: one replaces what the others read, with the GIL and without it."""

from __future__ import annotations

import sysconfig
import time
from types import ModuleType

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_client.hotpath import hot, hot_bound, hot_pinned
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading
from support.children import run_python
from support.hot_readers import IMPLEMENTATIONS
from support.replacing import Replaced, replace_while_threads_read
from support.revisions import packed

_READ = """
import sys
import ddbcfg_client
with ddbcfg_client.connect("any", "prod", namespace=sys.argv[1]) as config:
    assert config["db"] == config.get("db") == config.db == config.snapshot()["db"] == {"port": 1}
    assert config.bind("db", dict)() == {"port": 1}
print(sys._is_gil_enabled())
"""


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
def test_a_read_never_goes_back_while_a_thread_replaces_the_view(module: ModuleType) -> None:
    modules = (hot, hot_bound, hot_pinned) if module is hot else (module,) * 3
    replace_while_threads_read(Replaced(*modules), 2_000)


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="only free-threaded Python can be"
)
def test_a_reading_process_leaves_the_gil_off(names: Names) -> None:
    publisher = Publisher(names)
    try:
        publisher.publish(Reading({"db": packed("db", port=1)}, time.time_ns()))
        # An empty setting is none: what the process imports decides.
        done = run_python("-c", _READ, names.namespace, settings={"PYTHON_GIL": ""}, check=True)
    finally:
        publisher.close()
    assert done.stdout == "False\n"
    assert not done.stderr
