"""Calls of DynamoDB and what it charges for them, by number of workers on a host.

The calls of one poll are counted at the endpoint.  Read units are computed there, of each page and
item that was served, by the rule for eventually consistent reads: half a unit for each 4 KiB of a
page, begun ones counted whole.  Reference: "DynamoDB read consistency" and "DynamoDB provisioned
capacity mode" in the Amazon DynamoDB Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from benchmarks.children import Child
from benchmarks.daemon import daemon
from benchmarks.effort import Effort
from benchmarks.endpoint import table_of
from benchmarks.figures import count, memory, short
from benchmarks.stores import STORE
from benchmarks.tables import table

SIZES = (100, 5_000, 10_000)  # options; about 20 KB, 1 MB and 2 MB
SHOWN = 5_000  # of these, in the plot
WORKERS = (1, 16, 64)
READS = 10.0  # a second and worker, for who reads DynamoDB at each read: an assumption
_INTERVAL = 60.0  # seconds between two polls: the daemon's default
_HOUR = 3600.0
_POLLS = 2  # that are counted

DAEMON = "one daemon"
POLLERS = "a poller in each worker"
AT_EACH_READ = "GetItem at each read"


def measure(effort: Effort) -> dict[str, Any]:
    """By size: calls of one poll or read, and the read units of it, by who makes it."""
    found: dict[str, Any] = {}
    with Child("endpoint", *map(str, SIZES)) as endpoint:
        for size in SIZES:
            name = table_of(size)
            counted = _counted(endpoint, name)
            found[str(size)] = {
                "bytes": endpoint.ready["bytes"][name],
                "calls": {who: calls for who, (calls, _) in counted.items()},
                "units": {who: units for who, (_, units) in counted.items()},
            }
    return found


def _counted(endpoint: Child, table_name: str) -> dict[str, tuple[float, float]]:
    """Calls and read units of one poll or read, as the endpoint counts them."""
    import boto3

    from ddbcfg_client import DynamoDBConfigStore

    url = endpoint.ready["url"]
    counted = {}
    with daemon(url, table_name) as running:
        endpoint.ask("counts")  # the first poll, and the look at the table before it
        running.poll(_POLLS)
        counted[DAEMON] = _counts(endpoint)
    with closing(boto3.client("dynamodb", endpoint_url=url)) as client:
        for kind, config_store in (
            (POLLERS, "TimeBasedConfigStore"),
            (AT_EACH_READ, "DirectConfigStore"),
        ):
            with DynamoDBConfigStore(client, table_name, STORE, config_store=config_store) as store:
                endpoint.ask("counts")
                for _ in range(_POLLS):
                    store.reload() if kind == POLLERS else store.config.get("db")
                counted[kind] = _counts(endpoint)
    return counted


def _counts(endpoint: Child) -> tuple[float, float]:
    counts = endpoint.ask("counts")
    return sum(counts["calls"].values()) / _POLLS, counts["units"] / _POLLS


def per_hour(found: Mapping[str, Any], of: str, who: str, workers: int) -> float:
    """Calls or read units (*of*) in an hour, of a host with so many workers."""
    polls = _HOUR / _INTERVAL
    times = {DAEMON: polls, POLLERS: polls * workers, AT_EACH_READ: _HOUR * READS * workers}
    hourly: float = found[of][who] * times[who]
    return hourly


def tables(measured: Mapping[str, Any]) -> str:
    """What was counted, and what follows for an hour."""
    who_asks = (DAEMON, POLLERS, AT_EACH_READ)
    counted = [
        (
            count(int(size)),
            memory(found["bytes"]),
            *(short(found["calls"][who]) for who in who_asks),
            *(f"{found['units'][who]:,.1f}" for who in who_asks),
        )
        for size, found in measured.items()
    ]
    hourly = [
        (
            count(int(size)),
            str(workers),
            *(
                f"{per_hour(found, 'calls', who, workers):,.0f} calls,"
                f" {per_hour(found, 'units', who, workers):,.0f} units"
                for who in who_asks
            ),
        )
        for size, found in measured.items()
        for workers in WORKERS
    ]
    return (
        table(
            (
                "options",
                "size",
                "calls: a poll of the daemon",
                "a poll of a worker's own",
                "a read",
                "read units: a poll of the daemon",
                "a poll of a worker's own",
                "a read",
            ),
            counted,
        )
        + "\n"
        + table(("options", "workers", *who_asks), hourly)
    )
