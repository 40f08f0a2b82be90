"""The memory of a daemon between two polls, beside that of a process that only imported boto3."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.children import Child
from benchmarks.daemon import daemon
from benchmarks.effort import Effort
from benchmarks.endpoint import table_of
from benchmarks.figures import Figures, count, short
from benchmarks.tables import table

_SIZE = 10_000
_POLLS = 4  # after the first; a daemon takes a second between two that it is asked for
_SETTLING = 0.5  # seconds after the last poll's report: what it does then is part of the poll

DAEMON = "`ddbcfg-daemon`"
BOTO3 = '`python -c "import boto3"`'


def measure(effort: Effort) -> dict[str, Any]:
    """Kilobytes of resident memory by kind of process, and the most that the daemon ever had."""
    found: dict[str, Any] = {"options": _SIZE, DAEMON: [], BOTO3: [], "peak": []}
    with Child("endpoint", str(_SIZE)) as endpoint:
        for _ in range(1 if effort.few < 5 else 3):
            with daemon(endpoint.ready["url"], table_of(_SIZE)) as running:
                running.poll(_POLLS)
                time.sleep(_SETTLING)
                found[DAEMON].append(_kilobytes(running.pid, "VmRSS"))
                found["peak"].append(_kilobytes(running.pid, "VmHWM"))
            with Child("boto3_only") as boto3:
                found[BOTO3].append(_kilobytes(boto3.pid, "VmRSS"))
    return found


def _kilobytes(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise LookupError(field)


def megabytes(found: Mapping[str, Any], kind: str) -> float:
    """The median of some processes."""
    return Figures.of(found[kind]).median * 1024 / 1e6


def tables(measured: Mapping[str, Any]) -> str:
    """One row for each kind of process."""
    resident = {kind: megabytes(measured, kind) for kind in (DAEMON, BOTO3)}
    rows = [
        (
            f"{DAEMON}, {count(measured['options'])} options, at rest",
            f"{short(resident[DAEMON])} MB",
            f"{resident[DAEMON] - resident[BOTO3]:+.1f} MB",
        ),
        ("the same at its most", f"{short(megabytes(measured, 'peak'))} MB", ""),
        (BOTO3, f"{short(resident[BOTO3])} MB", ""),
    ]
    return table(("process", "resident memory", "more than boto3"), rows)
