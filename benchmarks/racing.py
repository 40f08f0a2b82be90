"""Processes that read, and one that publishes meanwhile.

``python -m benchmarks.racing publish INTERVAL`` says the namespace in which it publishes a new
generation each INTERVAL seconds, and answers ``count`` with how many there were.

``python -m benchmarks.racing read NAMESPACE`` answers ``ddbcfg START SECONDS`` with what it read
from START on (of the monotonic clock, which all processes share), and ``dict START SECONDS`` with
the same for a plain dict: the control, which tells what the machine can do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from benchmarks.children import serve

_OPTION = "db"
_FIRST, _FILLING, _LAST = "a", "between", "z"  # in this order in memory
_CHUNK = 500  # reads between two looks at the clock


def publish(interval: float) -> None:
    """Publish until standard input ends."""
    from benchmarks.stores import publisher, reading
    from ddbcfg_client.format.values import pack_option

    def store(number: int) -> dict[str, bytes]:
        text = {"S": f"{number:08d}"}
        keys = {_FIRST: text, _FILLING: {"S": "x" * 100}, _LAST: text}
        return {_OPTION: pack_option(_OPTION, keys)}

    with publisher(store(0)) as published:
        stop = Event()
        published_so_far = 0

        def go_on() -> None:
            nonlocal published_so_far
            due = time.monotonic()
            while not stop.wait(max(0.0, due - time.monotonic())):
                published_so_far += 1
                published.publish(reading(store(published_so_far)))
                due += interval

        thread = Thread(target=go_on)
        thread.start()
        try:
            serve({"count": lambda: published_so_far}, ready=published.names.namespace)
        finally:
            stop.set()
            thread.join()


def read(namespace: str) -> None:
    """Read when told to."""
    import ddbcfg_client
    from benchmarks.stores import STORE

    config = ddbcfg_client.connect(namespace=namespace, store=STORE)
    plain = {_OPTION: dict(config.get(_OPTION))}
    serve(
        {
            "ddbcfg": lambda start, seconds: _race(config.get, float(start), float(seconds)),
            "dict": lambda start, seconds: _race(plain.get, float(start), float(seconds)),
        }
    )


def _race(get: Callable[[str], Any], start: float, seconds: float) -> dict[str, float]:
    """Reads a second, by wall and by CPU time; how many were torn, and generations seen."""
    time.sleep(max(0.0, start - time.monotonic()))
    reads = torn = generations = 0
    before: object = None
    started, cpu = time.monotonic(), time.process_time()
    while (now := time.monotonic()) < start + seconds:
        for _ in range(_CHUNK):
            option = get(_OPTION)
            if option[_FIRST] != option[_LAST]:
                torn += 1
        reads += _CHUNK
        if option is not before:
            before = option
            generations += 1
    return {
        "rate": reads / (now - started),
        "rate by CPU": reads / (time.process_time() - cpu),
        "torn": torn,
        "generations": generations,
    }


if __name__ == "__main__":
    role, argument = sys.argv[1:]
    if role == "publish":
        publish(float(argument))
    else:
        read(argument)
