"""DynamoDB itself at each read: boto3's GetItem.

There is no DynamoDB here, so two endpoints stand for it.  Which of them is nearer to the service
depends on the network: the real one answers in some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from benchmarks.alternatives import Setting, Way
from benchmarks.children import Child
from benchmarks.emulator import TABLE
from benchmarks.endpoint import table_of
from benchmarks.stores import STORE

_SIZE = 10  # options of the prepared table, of which one is read


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """GetItem and deserializing: of an emulator, and of an endpoint that answers at once."""
    with ExitStack() as stack:
        url = stack.enter_context(Child("endpoint", str(_SIZE))).ready["url"]
        at_once = _reader(url, table_of(_SIZE), stack)
        emulated = _reader(setting.emulator_url, TABLE, stack)
        yield [
            Way("boto3 GetItem, an endpoint that answers at once", "read()", {"read": at_once}),
            Way("boto3 GetItem, an emulator (moto)", "read()", {"read": emulated}),
        ]


def _reader(url: str, table: str, stack: ExitStack) -> Callable[[], object]:
    import boto3
    from boto3.dynamodb.types import TypeDeserializer

    client = stack.enter_context(closing(boto3.client("dynamodb", endpoint_url=url)))
    deserialize = TypeDeserializer().deserialize
    key = {"_store": {"S": STORE}, "_option": {"S": "db"}}

    def read() -> object:
        item = client.get_item(TableName=table, Key=key)["Item"]
        return {name: deserialize(item[name]) for name in item if name not in key}

    return read
