"""ddbcfg itself, from the store that the benchmark published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ddbcfg_client
from benchmarks.alternatives import Setting, Way
from benchmarks.stores import STORE

GET = 'ddbcfg `config.get("db")`'
SUBSCRIPT = 'ddbcfg `config["db"]`'
ATTRIBUTE = "ddbcfg `config.db`"
PINNED = 'ddbcfg `snapshot["db"]`, pinned'


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """Three ways to read what is current, and one to read a generation that is held."""
    with ddbcfg_client.connect(namespace=setting.namespace, store=STORE) as config:
        snapshot = config.snapshot()
        yield [
            Way(GET, 'config.get("db")', {"config": config}),
            Way(SUBSCRIPT, 'config["db"]', {"config": config}),
            Way(ATTRIBUTE, "config.db", {"config": config}),
            Way(PINNED, 'snapshot["db"]', {"snapshot": snapshot}),
        ]
