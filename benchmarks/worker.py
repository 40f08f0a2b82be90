"""A worker that reads 3 options, and what that takes of it.

``python -m benchmarks.worker ddbcfg NAMESPACE SMALL`` reads shared memory; ``… whole FILE`` stands
for a worker that polls by itself and holds the whole store: it decodes one msgpack file with all of
it.  Each says by how many bytes its private memory grew when it imported what it needs, and by how
many more when it read, and answers the line ``take`` with nanoseconds and page faults of the first
read after a change.

How long that takes goes by what the worker did just before, more than by anything else: other work
leaves caches, branch predictors and TLB full of something else.  So the reader of shared memory is
told: ``take warm`` has it attach anew to the store SMALL first, which runs the same code and
touches nothing of the store that is measured; ``take cold`` has it encode JSON for some
milliseconds.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.children import serve

_STORE = "prod"
_OTHER_WORK = 0.005  # seconds of it before a cold read
_PRIVATE = ("Private_Clean:", "Private_Dirty:")


def private_bytes(pid: int | str = "self") -> int:
    """The memory that would be free if a process, this one, ended (USS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(_PRIVATE))


@dataclass(frozen=True, slots=True)
class Steps:
    """How to begin, the first read after a change, and what may be done before it, by name."""

    begin: Callable[[], object]
    read: Callable[[], object]
    before: Mapping[str, Callable[[], object]]


def ddbcfg(namespace: str, small: str) -> Steps:
    """A reader of shared memory."""
    import ddbcfg_client

    config: Any = None
    other: Any = None

    def begin() -> None:
        nonlocal config
        config = ddbcfg_client.connect(namespace=namespace, store=_STORE)
        for option in ("db", "option-000001", "option-000002"):
            config.get(option)

    def attach() -> None:
        nonlocal other
        if other is None:  # not before memory was looked at
            other = ddbcfg_client.connect(namespace=small, store=_STORE)
        other.close()
        other.get("db")

    return Steps(begin, lambda: config.get("db"), {"warm": attach, "cold": _work})


def _work() -> None:
    """What a worker may do between two reads."""
    document = {str(number): {"name": "x" * 20, "more": [number, 0.5]} for number in range(100)}
    until = time.monotonic() + _OTHER_WORK
    while time.monotonic() < until:
        json.dumps(document)


def whole(file: str) -> Steps:
    """One that holds everything: a change costs it all that it did to begin."""
    from msgpack import unpackb

    options: Any = None

    def take() -> object:
        nonlocal options
        options = unpackb(Path(file).read_bytes())
        return options["db"]

    return Steps(take, take, {})


def main(arguments: Sequence[str]) -> None:
    """Read until standard input ends."""
    kind, *sources = arguments
    private_bytes()  # what looking takes is not the reader's
    bare = private_bytes()
    steps = {"ddbcfg": ddbcfg, "whole": whole}[kind](*sources)
    imported = private_bytes()

    def take(before: str | None = None) -> tuple[int, int]:
        if before is not None:
            steps.before[before]()
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter_ns()
        steps.read()
        taken = time.perf_counter_ns() - start
        return taken, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults

    steps.begin()
    ready = {"importing": imported - bare, "reading": private_bytes() - imported}
    serve({"take": take}, ready=ready)


if __name__ == "__main__":
    main(sys.argv[1:])
