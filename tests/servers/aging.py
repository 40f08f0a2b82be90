"""An application whose reads have a limit of age; it says what its worker sees and what it logged.

Connected at import, so with ``--preload`` by the master, before a worker becomes another user.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import ddbcfg_client
import ddbcfg_client.shm.status  # a worker may not be allowed to read where Python is
from ddbcfg_client.errors import SnapshotTooStale

MAX_AGE = 5.0

config = ddbcfg_client.connect(max_age=MAX_AGE)  # DDBCFG_TABLE, DDBCFG_STORE
unlimited = ddbcfg_client.connect()
lines: list[str] = []


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        lines.append(f"{record.levelname} {record.getMessage()}")


logging.getLogger("ddbcfg").addHandler(_Lines())
logging.getLogger("ddbcfg").setLevel(logging.INFO)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    try:
        host = config.get("db")["host"]
    except SnapshotTooStale:
        host = None
    status = unlimited.status()
    told = {
        "pid": os.getpid(),
        "uid": os.geteuid(),
        "host": host,
        "old": unlimited.get("db")["host"],
        "age": unlimited.age,
        "generation": status.generation,
        "published": status.published,
        "error": status.reader_error,
        "lines": lines,
    }
    body = json.dumps(told).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
