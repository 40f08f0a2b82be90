"""Read units and bytes of a poll, as dynalite counts them.

dynalite has no transactions, so the revision item is put as a writer would leave it: with a full
log.  100,000 options take dynalite too long to fill: there the polls by revision are counted, which
read the revision item only, and the units of the whole store are computed by the service's rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from math import ceil
from typing import Any

from benchmarks.revisions import Revisions
from benchmarks.stores import STORE, attributes, name_of, options, packed
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.revision.following import follow
from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.dynamodb.revision.table_reads import TableReads
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format.values import pack_option
from support.emulators import emulator

MOST_FILLED = 10_000  # options
PAGE_ITEMS = 1000  # of a Query of the daemon
_LOG = 40  # changes, after which the log is full


def measure(sizes: Sequence[int]) -> dict[str, Any]:
    """By size: units of an idle poll, of a changed one, and of the whole store."""
    with emulator("dynalite") as url, closing(connect_dynamodb(endpoint_url=url)) as client:
        return {str(size): _measured(client, size) for size in sizes}


def _measured(client: Any, size: int) -> dict[str, Any]:
    table = Table(client, f"options-{size}")
    ensure_table(table, None, None)
    content = packed(size)
    revisions = Revisions(table.name, content)
    for version in range(1, _LOG + 1):
        _change(revisions, size, version)
    _put(client, table.name, revisions)
    known = revisions.known
    reads = TableReads(table, STORE)
    found = follow(reads, known)
    assert found.how is How.SAME, found.how
    idle = reads.units
    _change(revisions, size, _LOG + 1)
    _put(client, table.name, revisions)
    reads.units = 0.0
    found = follow(reads, known)
    assert found.how is How.LOG, found.how
    changed = reads.units
    sizes = [least_size({**_key(option), **keys}) for option, keys in options(size)]
    filled = size <= MOST_FILLED
    if filled:
        _fill(client, table.name, size)
        whole = sum(_page_units(client, table.name))
    else:
        pages = (sizes[at : at + PAGE_ITEMS] for at in range(0, size, PAGE_ITEMS))
        whole = sum(ceil(sum(page) / 4096) / 2 for page in pages)
    return {
        "idle": idle,
        "changed": changed,
        "whole": whole,
        "whole is counted": filled,
        "bytes": sum(sizes),
        "revision bytes": least_size(revisions.item),
    }


def _change(revisions: Revisions, size: int, version: int) -> None:
    number = 1 + version % (size - 1)
    name = name_of(number)
    revisions.change(name, pack_option(name, attributes(number, version)))


def _key(option: str) -> dict[str, Any]:
    return {"_store": {"S": STORE}, "_option": {"S": option}}


def _put(client: Any, table: str, revisions: Revisions) -> None:
    client.put_item(TableName=table, Item=revisions.item)


def _fill(client: Any, table: str, size: int) -> None:
    items = ({"PutRequest": {"Item": {**_key(option), **keys}}} for option, keys in options(size))
    while batch := list(islice(items, 25)):
        left: Any = {table: batch}
        while left:
            left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")


def _page_units(client: Any, table: str) -> Iterator[float]:
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#s = :s",
        "ExpressionAttributeNames": {"#s": "_store"},
        "ExpressionAttributeValues": {":s": {"S": STORE}},
        "Limit": PAGE_ITEMS,
        "ReturnConsumedCapacity": "TOTAL",
    }
    while True:
        page = client.query(**request)
        yield page["ConsumedCapacity"]["CapacityUnits"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
