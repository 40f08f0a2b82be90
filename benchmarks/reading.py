"""The process that reads: ``python -m benchmarks.reading NAMESPACE SLICE [MODULES [ONLY]]``.

It sets up the ways to read of the modules, says which there are, and answers each line ``round``
with nanoseconds by way.  Which reader of ddbcfg it has, its environment says.
"""

from __future__ import annotations

import random
import sys

from benchmarks.alternatives import set_up
from benchmarks.children import serve
from benchmarks.rounds import Timing, take_turns
from benchmarks.stores import DB


def main(namespace: str, seconds: str, modules: str, only: str = "") -> None:
    """Measure until standard input ends."""
    from ddbcfg_client.hotpath import READER

    wanted = tuple(only.split(",")) if only else ()
    with set_up(tuple(modules.split(",")), namespace, wanted) as (ways, skipped):
        takes = {}
        for way in ways:
            answer = way.read()
            assert answer in (DB, None), f"{way.name} reads {answer!r}"
            takes[way.name] = Timing(way.expression, way.names, float(seconds)).take
        order = random.Random(1)
        serve(
            {"round": lambda: take_turns(takes, order)},
            ready={"reader": READER, "ways": list(takes), "skipped": skipped},
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
