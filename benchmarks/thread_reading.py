"""The process whose threads read: ``python -m benchmarks.thread_reading NAMESPACE READS``.

It answers each line ``round N`` with reads a second of N threads together, by way.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import ddbcfg_client
from benchmarks.alternatives.ddbcfg import ATTRIBUTE, GET, SUBSCRIPT
from benchmarks.alternatives.plain_dict import LOOKUP
from benchmarks.children import serve
from benchmarks.stores import STORE

METHOD = 'dict `d.get("db")`'
_EXPRESSIONS = {
    LOOKUP: 'options["db"]',
    METHOD: 'options.get("db")',
    SUBSCRIPT: 'config["db"]',
    GET: 'config.get("db")',
    ATTRIBUTE: "config.db",
}
_LOOP = """
def reading(config, options, turns):
    for _ in turns:
        {expression}
"""


def main(namespace: str, reads: str) -> None:
    """Measure until standard input ends."""
    loops: dict[str, Callable[..., None]] = {}
    for way, expression in _EXPRESSIONS.items():
        scope: dict[str, Callable[..., None]] = {}
        exec(_LOOP.format(expression=expression), scope)
        loops[way] = scope["reading"]
    with ddbcfg_client.connect(namespace=namespace, store=STORE) as config:
        options = {"db": config["db"]}  # the same object: its references are counted in both cases

        def rate(way: str, number: int) -> float:
            started = time.monotonic()
            arguments = config, options, range(int(reads))
            threads = [threading.Thread(target=loops[way], args=arguments) for _ in range(number)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return number * int(reads) / (time.monotonic() - started)

        from ddbcfg_client.hotpath import READER

        gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        serve(
            {"round": lambda number: {way: rate(way, int(number)) for way in loops}},
            ready={"reader": READER, "gil": gil},
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
