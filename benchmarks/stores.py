"""The stores that are measured: options of about 200 bytes, and publishing them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading

STORE = "prod"
OPTION_SIZE = 200  # bytes, about, as msgpack

#: The option that every way to read returns.
DB = {"host": "db-cluster.com", "port": 27017, "name": "app", "user": "app"}

Attributes = dict[str, dict[str, Any]]


def db_attributes(version: int = 0) -> Attributes:
    """DB as DynamoDB's attribute values; of another *version* than 0, with another host."""
    host = DB["host"] if version == 0 else f"db-{version:08d}.com"
    return {
        "host": {"S": host},
        "port": {"N": str(DB["port"])},
        "name": {"S": DB["name"]},
        "user": {"S": DB["user"]},
    }


def attributes(number: int, version: int = 0) -> Attributes:
    """The keys of option *number*, of the types that configuration has."""
    return {
        "enabled": {"BOOL": number % 2 == 0},
        "endpoint": {"S": f"https://service-{number:06d}.internal.example.com/api/v2/"},
        "owner": {"S": "platform-engineering@example.com"},
        "regions": {"L": [{"S": "eu-west-1"}, {"S": "us-east-1"}]},
        "retries": {"N": str(number % 10)},
        "timeout": {"N": "2.5"},
        "version": {"S": f"{version:012d}"},
    }


def name_of(number: int) -> str:
    """The name of option *number*."""
    return f"option-{number:06d}"


def options(count: int) -> Iterator[tuple[str, Attributes]]:
    """Name and keys of each option of a store that has *count* of them, ``db`` first."""
    yield "db", db_attributes()
    for number in range(1, count):
        yield name_of(number), attributes(number)


def packed(count: int) -> dict[str, bytes]:
    """The same store as a source packs it."""
    return {name: pack_option(name, keys) for name, keys in options(count)}


def changed(store: Mapping[str, bytes], name: str, keys: Attributes) -> dict[str, bytes]:
    """The store with the option *name* changed."""
    return {**store, name: pack_option(name, keys)}


def reading(store: Mapping[str, bytes]) -> Reading:
    """What a poll has read that found this store."""
    return Reading(store, time.time_ns())


def unique_namespace() -> str:
    """A namespace that no daemon has."""
    return f"bench-{uuid4().hex[:12]}"


@contextmanager
def publisher(store: Mapping[str, bytes] | None = None) -> Iterator[Publisher]:
    """A publisher in a namespace of its own, of *store* if given; nothing of it is left behind."""
    made = Publisher(Names(unique_namespace(), STORE))
    try:
        if store is not None:
            made.publish(reading(store))
        yield made
    finally:
        made.remove()
