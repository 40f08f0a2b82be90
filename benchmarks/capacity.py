"""Calls of DynamoDB and what it charges for them, by number of workers on a host.

The calls of one poll are counted at the endpoint.  Read units are computed from the sizes of the
pages, by the rule for eventually consistent reads: half a unit for each 4 KiB of a page, begun
ones counted whole.  Reference: "DynamoDB read consistency" and "DynamoDB provisioned capacity mode"
in the Amazon DynamoDB Developer Guide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
            pages = endpoint.ready["pages"][name]
            calls = _counted(endpoint, name)
            found[str(size)] = {
                "bytes": sum(pages),
                "calls": calls,
                "units": {
                    DAEMON: _units(pages),
                    POLLERS: _units(pages),
                    AT_EACH_READ: _units([sum(pages) // size]),
                },
            }
    return found


def _counted(endpoint: Child, table_name: str) -> dict[str, float]:
    """Calls of one poll or read, as the endpoint counts them."""
    import boto3

    from ddbcfg_client import DynamoDBConfigStore

    url = endpoint.ready["url"]
    calls = {}
    with daemon(url, table_name) as running:
        endpoint.ask("counts")  # the first poll, and the look at the table before it
        running.poll(_POLLS)
        calls[DAEMON] = _calls(endpoint)
    with closing(boto3.client("dynamodb", endpoint_url=url)) as client:
        for kind, config_store in (
            (POLLERS, "TimeBasedConfigStore"),
            (AT_EACH_READ, "DirectConfigStore"),
        ):
            with DynamoDBConfigStore(client, table_name, STORE, config_store=config_store) as store:
                endpoint.ask("counts")
                for _ in range(_POLLS):
                    store.reload() if kind == POLLERS else store.config.get("db")
                calls[kind] = _calls(endpoint)
    return calls


def _calls(endpoint: Child) -> float:
    return sum(endpoint.ask("counts").values()) / _POLLS


def _units(pages: Sequence[int]) -> float:
    return sum(0.5 * math.ceil(page / 4096) for page in pages)


def per_hour(found: Mapping[str, Any], of: str, who: str, workers: int) -> float:
    """Calls or read units (*of*) in an hour, of a host with so many workers."""
    polls = _HOUR / _INTERVAL
    times = {DAEMON: polls, POLLERS: polls * workers, AT_EACH_READ: _HOUR * READS * workers}
    hourly: float = found[of][who] * times[who]
    return hourly


def tables(measured: Mapping[str, Any]) -> str:
    """What was counted, and what follows for an hour."""
    counted = [
        (
            count(int(size)),
            memory(found["bytes"]),
            *(short(found["calls"][who]) for who in (DAEMON, POLLERS, AT_EACH_READ)),
            *(f"{found['units'][who]:,.1f}" for who in (POLLERS, AT_EACH_READ)),
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
                for who in (DAEMON, POLLERS, AT_EACH_READ)
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
                "read units: a poll",
                "a read",
            ),
            counted,
        )
        + "\n"
        + table(("options", "workers", DAEMON, POLLERS, AT_EACH_READ), hourly)
    )
