"""What the tests of reading share."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading

OPTIONS: dict[str, dict[str, Any]] = {
    "db": {"host": "db-cluster.com", "port": Decimal(27017)},
    "external-port": {"port": Decimal(443), "tls": True},
    "größe": {"limits": [Decimal("1.50"), None, {"a": b"\x00"}], "tags": {"x", "y"}},
    "nothing": {},
}


def changed(**options: dict[str, Any]) -> Any:
    """A reading of OPTIONS with some of them changed."""
    return reading(OPTIONS | options)


def boottime() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def set_word(path: Any, word: int, value: int) -> None:
    with path.open("r+b") as page:
        page.seek(word * 8)
        page.write(value.to_bytes(8, sys.byteorder))


@contextmanager
def published(namespace: str, *stores: str) -> Iterator[None]:
    publishers = [Publisher(Names(namespace, store)) for store in stores]
    for publisher in publishers:
        publisher.publish(reading({"name": {"is": publisher.names.store}}))
    yield
    for publisher in publishers:
        publisher.close()
