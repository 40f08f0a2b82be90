"""A host's polls of a store with revisions, and without, beside botocore's GetItem alone.

``python -m benchmarks.fleet.polling URL SIZE`` answers ``idle`` (a poll that finds nothing new),
``item`` (the same GetItem, by botocore alone), ``changed`` (a poll that finds a change in the log,
and publishes it) and ``whole`` (a poll without revisions that finds nothing new) with nanoseconds
of CPU time of this process: of all of it, and of what came after the last response was parsed.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.children import serve
from benchmarks.endpoint import table_of
from benchmarks.stores import STORE, publisher
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.dynamodb.revision.place import REVISION_OPTION
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_daemon.memory import settle
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource

_INTERVAL, _NEVER = 60.0, 1e9  # seconds


def main(url: str, size: str) -> None:
    """Poll until standard input ends."""
    import boto3

    name = table_of(int(size))
    table = Table(connect_dynamodb(endpoint_url=url), name)
    # Not the daemon's client: what that one's set-up adds or saves is not botocore's.
    plain = boto3.client("dynamodb", endpoint_url=url)
    parsed: list[int] = []
    table.client.meta.events.register_last(
        "after-call.dynamodb", lambda **_: parsed.append(time.process_time_ns())
    )
    with publisher() as published, publisher() as published_whole:
        plainly = StoreSource(Connection(lambda: table), STORE, consistent=False)
        source = RevisionSource(
            StoreSource(Connection(lambda: table), STORE, consistent=False),
            full_interval=_NEVER,
            interval=_INTERVAL,
        )
        by_revision = Refresher(source, published, _INTERVAL, pid=os.getpid())
        without = Refresher(plainly, published_whole, _INTERVAL, pid=os.getpid())

        def idle() -> None:
            before = published.generation
            _poll(by_revision)
            assert published.generation == before

        def changed() -> None:
            before = published.generation
            _poll(by_revision)
            assert published.generation == before + 1
            assert published.status().how == How.LOG, published.status().how

        def whole() -> None:
            _poll(without)

        def item() -> None:
            _item(plain, name)
            parsed.append(time.process_time_ns())

        settle()  # as the daemon does before it polls
        _poll(by_revision)
        whole()
        serve({what.__name__: partial(_cpu_time, what, parsed)
               for what in (idle, changed, whole, item)})  # fmt: skip


def _poll(refresher: Refresher) -> None:
    error = refresher.poll()
    assert error is None, error


def _item(plain: Any, name: str) -> None:
    plain.get_item(
        TableName=name,
        Key={"_store": {"S": f"_ddbcfg/{STORE}"}, "_option": {"S": REVISION_OPTION}},
        ConsistentRead=False,
        ReturnConsumedCapacity="TOTAL",
    )


def _cpu_time(what: Callable[[], None], parsed: list[int]) -> tuple[int, int]:
    start = time.process_time_ns()
    what()
    end = time.process_time_ns()
    return end - start, end - parsed[-1]


if __name__ == "__main__":
    main(*sys.argv[1:])
