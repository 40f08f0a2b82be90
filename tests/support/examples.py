"""The programs in examples/, run from a copy, and what all their workers respond."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from support.daemon import ROOT
from support.serving import HANG, PATIENCE, Server
from support.waiting import wait_until

EXAMPLES = ROOT / "examples"
AT_ONCE = 8  # requests

# What docs/guide.md and "make example-…" say to enter.
READ = "curl -s http://127.0.0.1:8000/"
CHANGE = "ddbcfg-client set db host=db2.example.com port:=27018"
CHANGE_POOL = "ddbcfg-client set db url=sqlite:///other.db pool_size:=10"
ASK = "(cd examples/celery && python ask.py)"

Response = dict[str, Any]


def free_port() -> int:
    """Return a port that nobody listens on, below those that the kernel hands out."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def need_program(name: str) -> None:
    """Skip the test without that program; in CI, fail."""
    if shutil.which(name) is None:
        in_ci = os.environ.get("CI", "").lower() in ("true", "1")
        (pytest.fail if in_ci else pytest.skip)(f"no {name} on this machine")


def make(target: str) -> list[str]:
    """Return the command that makes a target with this venv, as it is."""
    installed = [f"--old-file={sys.prefix}/{stamp}" for stamp in (".serving", ".showing")]
    # A make around the tests must not hand its flags and variables down.
    alone = ["env", "--unset=MAKEFLAGS", "--unset=MAKELEVEL", "--unset=MFLAGS"]
    return [*alone, "make", "--no-print-directory", f"VENV={sys.prefix}", *installed, target]


def start(
    name: str, folder: Path, environment: Mapping[str, str], program: str = "start.sh"
) -> Server:
    """Start a program of a copy of the example, so that it leaves nothing in the work tree."""
    copy = folder / f"{name} {program}"
    shutil.copytree(
        EXAMPLES / name, copy, ignore=shutil.ignore_patterns("__pycache__", "queue", "*.db")
    )
    command = [f"./{program}"] if program.endswith(".sh") else [sys.executable, program]
    return Server(command, copy, with_programs(environment))


def with_programs(environment: Mapping[str, str]) -> dict[str, str]:
    """Return these variables, and the PATH of an activated venv."""
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment}


def listens(port: int, server: Server) -> bool:
    """Return whether the server accepts connections by now."""
    assert server.is_running(), "the server ended"
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def get(port: int) -> Response:
    """Return the response to one request on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=HANG)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body[:500]
        found: Response = json.loads(body)
        return found
    finally:
        connection.close()


def asking(port: int, server: Server) -> Sequence[Callable[[], Response]]:
    """Wait until the server listens; return functions to request its page at the same time."""
    wait_until(lambda: listens(port, server))
    return [lambda: get(port)] * AT_ONCE


def of_every_worker(
    asks: Sequence[Callable[[], Response]], workers: int
) -> dict[int, list[Response]]:
    """Ask until each worker has responded; return all responses, by pid and without it."""
    responses: dict[int, list[Response]] = defaultdict(list)
    deadline = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(len(asks)) as pool:
        while len(responses) < workers:
            assert time.monotonic() < deadline, f"of {workers} workers only: {responses}"
            for response in pool.map(lambda ask: ask(), asks):
                responses[response.pop("pid")].append(response)
    return responses


def assert_all(responses: Mapping[int, list[Response]], expected: Response) -> None:
    """Assert that every response of every worker is this one."""
    others = {
        pid: [response for response in got if response != expected]
        for pid, got in responses.items()
    }
    assert not any(others.values()), others
