"""A poll that finds nothing costs the same for every size of a store (G12).  Counted, not timed."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.guards import ShrinkGuard
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.base import Reading
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.revision import RevisionSource
from ddbcfg_daemon.sources.store import StoreSource
from support.many_options import ManyOptions


def test_calls_and_memory_of_an_idle_poll_do_not_grow_with_the_store(namespace: str) -> None:
    found = []
    for size in (10, 5_000):
        client: Any = ManyOptions(size, 20)
        client.begin()
        table = Table(client, "config")
        source = RevisionSource(
            StoreSource(Connection(lambda table=table: table), "prod", consistent=False),  # type: ignore[misc]
            full_interval=3600.0,
            interval=60.0,
        )
        publisher = Publisher(Names(namespace, f"of {size}"))
        refresher = Refresher(source, publisher, 60.0, pid=1, guards=[ShrinkGuard()])
        assert refresher.poll() is None
        assert refresher.poll() is None
        found.append((_calls(refresher.poll), _allocated(refresher.poll)))
        publisher.remove()
    (few_calls, few_bytes), (many_calls, many_bytes) = found
    assert few_calls > 100
    assert many_calls < few_calls + 20
    assert many_bytes < few_bytes + 10_000


class Counted(dict[str, bytes]):
    """Options that count how often somebody goes through them."""

    looks = 0

    def __iter__(self) -> Iterator[str]:
        Counted.looks += 1
        return super().__iter__()


def test_options_that_are_the_same_object_are_not_compared(namespace: str) -> None:
    publisher = Publisher(Names(namespace, "prod"))
    first, equal = Counted(a=b"\x80"), Counted(a=b"\x80")
    looks = []
    for options in (first, first, equal, equal):
        publisher.publish(Reading(options, 0))
        looks.append(Counted.looks)
    publisher.remove()
    assert looks[1] == looks[0]
    assert looks[2] > looks[1]  # these can only be compared
    assert looks[3] == looks[2]


def _calls(work: Callable[[], object]) -> int:
    """The calls of functions, also of those written in C."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def _allocated(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
