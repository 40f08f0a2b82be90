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
from ddbcfg_client.dynamodb.revision.following import How, Known, follow
from ddbcfg_client.dynamodb.revision.place import REVISION_OPTION
from ddbcfg_client.dynamodb.revision.table_reads import TableReads
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_daemon.memory import settle
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Reading
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.store import StoreSource


class Follower:
    """Polls by revisions, and publishes what is new."""

    def __init__(self, reads: TableReads, published: Publisher) -> None:
        self._reads = reads
        self._publisher = published
        self._known: Known | None = None
        self.how = How.PLAIN

    def poll(self) -> None:
        """Poll once."""
        found = follow(self._reads, self._known)
        assert found.known is not None
        self.how = found.how
        if found.known is not self._known:
            self._known = found.known
            self._publisher.publish(Reading(found.known.options, time.time_ns()))


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
        follower = Follower(TableReads(table, STORE), published)
        source = StoreSource(Connection(lambda: table), STORE, consistent=False)
        refresher = Refresher(source, published_whole, 60.0, pid=os.getpid())

        def idle() -> None:
            follower.poll()
            assert follower.how is How.SAME, follower.how

        def changed() -> None:
            follower.poll()
            assert follower.how is How.LOG, follower.how

        def whole() -> None:
            error = refresher.poll()
            assert error is None, error

        def item() -> None:
            _item(plain, name)
            parsed.append(time.process_time_ns())

        settle()  # as the daemon does before it polls
        follower.poll()
        whole()
        serve({what.__name__: partial(_cpu_time, what, parsed)
               for what in (idle, changed, whole, item)})  # fmt: skip


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
