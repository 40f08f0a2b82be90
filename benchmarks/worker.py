"""A worker that reads 3 options, and what that takes of it.

``python -m benchmarks.worker ddbcfg NAMESPACE`` reads shared memory; ``… whole FILE`` stands for a
worker that polls by itself and holds the whole store: it decodes one msgpack file with all of it.
Each says by how many bytes its private memory grew when it imported what it needs, and by how many
more when it read, and answers the line ``take`` with nanoseconds and page faults of the first read
after a change.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.children import serve

_STORE = "prod"
_PRIVATE = ("Private_Clean:", "Private_Dirty:")


def private_bytes() -> int:
    """The memory that would be free if this process ended (USS)."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(_PRIVATE))


Steps = tuple[Callable[[], object], Callable[[], object]]


def ddbcfg(namespace: str) -> Steps:
    """How to begin, and the first read after a change."""
    import ddbcfg_client

    config: Any = None

    def begin() -> None:
        nonlocal config
        config = ddbcfg_client.connect(namespace=namespace, store=_STORE)
        for option in ("db", "option-000001", "option-000002"):
            config.get(option)

    return begin, lambda: config.get("db")


def whole(file: str) -> Steps:
    """How to begin, and what a change costs who holds everything."""
    from msgpack import unpackb

    options: Any = None

    def take() -> object:
        nonlocal options
        options = unpackb(Path(file).read_bytes())
        return options["db"]

    return take, take


def main(arguments: Sequence[str]) -> None:
    """Read until standard input ends."""
    kind, source = arguments
    private_bytes()  # what looking takes is not the reader's
    bare = private_bytes()
    begin, read = {"ddbcfg": ddbcfg, "whole": whole}[kind](source)
    imported = private_bytes()

    def take() -> tuple[int, int]:
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter_ns()
        read()
        taken = time.perf_counter_ns() - start
        return taken, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults

    begin()
    ready = {"importing": imported - bare, "reading": private_bytes() - imported}
    serve({"take": take}, ready=ready)


if __name__ == "__main__":
    main(sys.argv[1:])
