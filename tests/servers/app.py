"""The application that every server runs; it connects at import, as a user's would.

A WSGI application: ``/`` answers with what this worker reads, ``/reload`` asks for a poll first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

import ddbcfg_client
from ddbcfg_client.config import Config
from support.racing import OPTIONS, number_in

TIMES = 20  # reads by the hot path in one answer

config = ddbcfg_client.connect()  # DDBCFG_TABLE, DDBCFG_STORE


def answer(*others: Config) -> dict[str, Any]:
    """What this process reads, by *config* and *others*; AssertionError when it makes no sense."""
    told = [_read(one) for one in (config, *others)]
    return {
        "pid": os.getpid(),
        "number": min(number for number, _, _ in told),
        "generation": min(generation for _, generation, _ in told),
        "reads": sum(reads for _, _, reads in told),
    }


def _read(config: Config) -> tuple[int, int, int]:
    """The number of the publication that the first read saw, a generation, and the reads."""
    numbers = [number_in(config.get("db")) for _ in range(TIMES)]
    snapshot = config.snapshot()
    within = [number_in(snapshot[option]) for option in OPTIONS]
    generation = config.generation
    numbers += [*within, number_in(config["timeouts"])]
    assert None not in numbers, "an option contradicts itself"
    assert len(set(within)) == 1, f"one snapshot has {within}"
    assert numbers == sorted(numbers), f"it went back: {numbers}"  # type: ignore[type-var]
    assert snapshot.generation <= generation, "the generation went back"
    return numbers[0] or 0, generation, len(numbers) + 2


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/reload":
        config.reload(timeout=10)
    body = json.dumps(answer()).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]
