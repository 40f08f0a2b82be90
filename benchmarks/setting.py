"""Setting one option: requests, units and latency, with revisions and without, beside a plain put.

    PYTHONPATH=tests python -m benchmarks.setting [--rounds 200] [--options 100] [--moto]

The emulator is a process of its own: the tests' own one with transactions, or moto, which copies
the whole table for each transaction.  The ways take turns, so they meet the same load.  Emulators'
figures for capacity are not the service's, so the units are computed by its rules from the sizes
of the items that are read and written: a transaction counts twice.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.children import Child, environment
from benchmarks.stores import STORE, db_attributes, options
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.item_size import least_size
from ddbcfg_client.dynamodb.revision.content import digest_of, total_of
from ddbcfg_client.dynamodb.revision.item import Revision, item_of
from ddbcfg_client.dynamodb.revision.table_access import TableAccess
from ddbcfg_client.dynamodb.store_writer import StoreWriter
from ddbcfg_client.dynamodb.table import Table
from support.children import answer, start_module

_READ_UNIT, _WRITE_UNIT = 4096, 1024
_WARM = 20


class Units:
    """Counts a client's requests, and the units of those that get and put items."""

    def __init__(self, client: Any) -> None:
        self.requests = 0
        self.read = self.written = 0.0
        self._client = client
        client.meta.events.register("provide-client-params.dynamodb", self._asked)
        client.meta.events.register("after-call.dynamodb", self._answered)

    def clear(self) -> None:
        """Begin to count."""
        self.requests, self.read, self.written = 0, 0.0, 0.0

    def _asked(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        self.requests += 1
        if model.name == "PutItem":
            self.written += _units(params["Item"], _WRITE_UNIT)
        for action in params.get("TransactItems", ()) if model.name.endswith("WriteItems") else ():
            self.written += 2 * _units(action["Put"]["Item"], _WRITE_UNIT)

    def _answered(self, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
        if model.name == "TransactGetItems":
            responses = parsed.get("Responses", ())
            self.read += sum(2 * _units(found.get("Item", {}), _READ_UNIT) for found in responses)


def _units(item: Mapping[str, Any], size: int) -> int:
    return max(1, -(-least_size(item) // size))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.setting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--options", type=int, default=100)
    parser.add_argument("--moto", action="store_true")
    wanted = parser.parse_args()
    os.environ |= environment()
    with contextlib.ExitStack() as stack:
        if wanted.moto:
            url = str(stack.enter_context(Child("emulator")).ready)
        else:
            server = start_module("support.transactional.server", "0", "0", "0", "1")
            stack.enter_context(server)
            url = answer(server)
            stack.callback(server.communicate)
        client = connect_dynamodb(endpoint_url=url)
        stack.callback(client.close)
        figures = _figures(client, wanted.options, wanted.rounds)
    print(f"{wanted.options} options, {wanted.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print("| | requests | read units | write units | median ms | 90 % ms |")
    print("|---|---|---|---|---|---|")
    for label, row in figures.items():
        print(f"| {label} | " + " | ".join(f"{figure:.3g}" for figure in row) + " |")


Put = Callable[[dict[str, Any]], object]


def _ways(client: Any, count: int) -> dict[str, Put]:
    """Return what is measured: each writes DB with these keys, in a table of its own."""
    tables = [Table(client, f"set-{name}") for name in ("put", "plain", "revised")]
    for table in tables:
        ensure_table(table, None, None)
        for name, keys in options(count):
            table.put(STORE, name, keys)
    put, plain, revised = tables
    access = TableAccess(revised, STORE)
    content = access.options(consistent=True)
    first = Revision("e", 1, digest_of(total_of(content)), len(content), base=1)
    client.put_item(TableName=revised.name, Item=item_of(access.place, first))
    writers = [StoreWriter(table, STORE, by="x" * 80) for table in (plain, revised)]
    return {
        "a plain put": lambda keys: put.put(STORE, "db", keys),
        "set without revisions": lambda keys: writers[0].write({"db": keys}),
        "set with revisions": lambda keys: writers[1].write({"db": keys}),
    }


def _figures(client: Any, count: int, rounds: int) -> dict[str, list[float]]:
    ways = _ways(client, count)
    units = Units(client)
    sums = {label: [0.0, 0.0, 0.0] for label in ways}
    times: dict[str, list[float]] = {label: [] for label in ways}
    for number in range(_WARM + rounds):
        for label, put in ways.items():
            units.clear()
            keys = db_attributes(number + 1)
            began = time.perf_counter()
            put(keys)
            took = 1000 * (time.perf_counter() - began)
            if number >= _WARM:
                times[label].append(took)
                now = (units.requests, units.read, units.written)
                sums[label] = [a + b for a, b in zip(sums[label], now, strict=True)]
    return {
        label: [
            *(figure / rounds for figure in sums[label]),
            statistics.median(times[label]),
            statistics.quantiles(times[label], n=10)[-1],
        ]
        for label in ways
    }


if __name__ == "__main__":
    main()
