"""What a whole process takes that reads one option and ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.children import Child, environment
from benchmarks.effort import Effort
from benchmarks.endpoint import table_of
from benchmarks.figures import Both, Figures, duration, quotient, ratio
from benchmarks.stores import STORE, packed, publisher
from benchmarks.tables import table

_OPTIONS = 1_000
_SIZE = 10  # options of the table that boto3 reads

PASS = "`python -c pass`"
CONNECT = "`import ddbcfg_client`, `connect()`, `get`"
COMMAND = "`ddbcfg-client get db`"
BOTO3 = "`import boto3`"
GET_ITEM = "`import boto3`, client, `get_item`"

_READ = "import ddbcfg_client; ddbcfg_client.connect().get('db')"
_GET_ITEM = """
import boto3
client = boto3.client("dynamodb", endpoint_url={url!r})
client.get_item(TableName={table!r}, Key={{"_store": {{"S": {store!r}}}, "_option": {{"S": "db"}}}})
"""


def measure(effort: Effort) -> dict[str, list[int]]:
    """Nanoseconds from start to end of a process, in each round, by what it does."""
    found: dict[str, list[int]] = {}
    with Child("endpoint", str(_SIZE)) as endpoint, publisher(packed(_OPTIONS)) as published:
        url = endpoint.ready["url"]
        get_item = _GET_ITEM.format(url=url, table=table_of(_SIZE), store=STORE)
        python = (sys.executable, "-c")
        commands = {
            PASS: (*python, "pass"),
            CONNECT: (*python, _READ),
            COMMAND: (str(Path(sys.executable).with_name("ddbcfg-client")), "get", "db"),
            BOTO3: (*python, "import boto3"),
            GET_ITEM: (*python, get_item),
        }
        settings = environment(
            {"DDBCFG_NAMESPACE": published.names.namespace, "DDBCFG_STORE": STORE}
        )
        del settings["PYTHONPATH"]  # it would be searched at each import
        for command in commands.values():
            _run(command, settings)  # leaves byte code behind, and warm caches
        for _ in range(effort.few * 2):
            for what, command in commands.items():
                found.setdefault(what, []).append(_run(command, settings))
    return found


def _run(command: Sequence[str], settings: Mapping[str, str]) -> int:
    start = time.perf_counter_ns()
    # Not here: whoever starts python -c would search this folder first.
    subprocess.run(command, cwd="/", env=settings, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter_ns() - start


def times_pass(found: Mapping[str, list[int]], what: str) -> Both:
    """How many times what a process that does nothing takes."""
    return quotient(found[what], found[PASS])


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each process."""
    rows = []
    for what, samples in measured.items():
        figures = Figures.of(samples)
        times = [duration(time) for time in (figures.median, figures.least, figures.p90)]
        to_pass = times_pass(measured, what)
        rows.append((what, *times, ratio(to_pass.typical), ratio(to_pass.quiet)))
    headings = ("whole process", "median", "min", "p90", f"to {PASS}", "of the least")
    return table(headings, rows)
