"""The process that uses objects: ``python -m benchmarks.object_reading NAMESPACE SLICE``.

It answers each line ``round`` with nanoseconds by way.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass

import ddbcfg_client
from benchmarks.children import serve
from benchmarks.objects import BOUND, GET, KEEP_VALID, LOOKUP, TYPED
from benchmarks.rounds import Timing, take_turns
from benchmarks.stores import DB, STORE


@dataclass(frozen=True)
class Database:
    """What a program would have."""

    host: str
    port: int
    name: str
    user: str


def main(namespace: str, seconds: str) -> None:
    """Measure until standard input ends."""
    from ddbcfg_client.hotpath import READER

    with ddbcfg_client.connect(namespace=namespace, store=STORE) as config:
        pool = config.bind("db", list)
        assert pool() is pool()
        assert config.get("db", as_=Database) == Database(**DB)  # type: ignore[arg-type]
        own = {"config": config, "Database": Database}
        ways = {
            LOOKUP: ('d["db"]', {"d": {"db": dict(DB)}}),
            GET: ('config.get("db")', {"config": config}),
            BOUND: ("pool()", {"pool": pool}),
            TYPED: ('config.get("db", as_=Database)', own),
            KEEP_VALID: ('config.get("db", as_=Database, keep_valid=True)', own),
        }
        takes = {
            way: Timing(expression, names, float(seconds)).take
            for way, (expression, names) in ways.items()
        }
        order = random.Random(1)
        serve({"round": lambda: take_turns(takes, order)}, ready={"reader": READER})


if __name__ == "__main__":
    main(*sys.argv[1:])
