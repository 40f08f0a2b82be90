"""A daemon's poll of a store that does not change, beside what botocore alone takes for the pages.

``python -m benchmarks.polling URL SIZE`` answers ``poll``, ``query`` (the same requests, by
botocore alone) and ``large`` (botocore alone, in pages of 1 MB) with nanoseconds of CPU time, of
this process and all its threads.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.children import serve
from benchmarks.endpoint import table_of
from benchmarks.stores import STORE, publisher
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_daemon.guards import ShrinkGuard
from ddbcfg_daemon.memory import settle
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.store import StoreSource
from ddbcfg_daemon.sources.store_reads import ITEMS_A_PAGE


def main(url: str, size: str) -> None:
    """Poll until standard input ends."""
    import boto3

    table = table_of(int(size))
    client = connect_dynamodb(endpoint_url=url)
    source = StoreSource(Connection(lambda: Table(client, table)), STORE, consistent=False)
    # Not the daemon's client: what that one's set-up adds or saves is not botocore's.
    plain = boto3.client("dynamodb", endpoint_url=url)
    with publisher() as published:
        guards = [ShrinkGuard(50, 3, False)]
        refresher = Refresher(source, published, 60.0, pid=os.getpid(), guards=guards)

        def poll() -> None:
            error = refresher.poll()
            assert error is None, error

        def query() -> None:
            _query_all(plain, table, {"Limit": ITEMS_A_PAGE})

        def large() -> None:
            _query_all(plain, table, {})

        settle()  # as the daemon does before it polls
        poll()
        generation = published.generation
        serve({what.__name__: partial(_cpu_time, what) for what in (poll, query, large)})
        assert published.generation == generation == 1, "the store was to stay as it was"


def _query_all(client: Any, table: str, limit: Mapping[str, int]) -> None:
    request = {
        **limit,
        "TableName": table,
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeValues": {":s": {"S": STORE}},
        "ExpressionAttributeNames": {"#s": "_store"},
        "ConsistentRead": False,
    }
    while last := client.query(**request).get("LastEvaluatedKey"):
        request["ExclusiveStartKey"] = last


def _cpu_time(what: Callable[[], None]) -> int:
    start = time.process_time_ns()
    what()
    return time.process_time_ns() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
