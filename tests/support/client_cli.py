"""Running ``ddbcfg-client`` as whole processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ddbcfg_client.errors import TableUnreachable
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.status import process_start
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Progress, Reading
from support.daemon import PATIENCE, ROOT, SECRET, Host, environment_of
from support.shm import reading

AWAY = TableUnreachable("config", "Query", "EndpointConnectionError", "nothing responds there")


NOW = time.clock_gettime_ns


DB = {"host": "db-cluster.com", "port": 27017, "password": SECRET}


EXACT = {
    "long": Decimal("-1234567890123456789.0123456789012345678"),
    "tiny": Decimal("1E-130"),
    "round": Decimal("1E+38"),
    "text": 'größer "quoted"\n\t\x01 日本 \U0001f600',
    "yes": True,
    "nothing": None,
    "binary": b"\x00\xff",
    "tags": {"b", "a"},
    "primes": {Decimal(3), Decimal(2)},
    "tree": {"list": [1, {"deep": None}], "empty": {}},
}


STORE = {"db": DB, "exact": EXACT, "empty": {}}


Publish = Callable[..., Publisher]


def running(**more: Any) -> PageStatus:
    """The status of a daemon that is this process, and well."""
    now = NOW(time.CLOCK_BOOTTIME)
    status: dict[str, Any] = {
        "interval": 60 * 10**9,
        "poll_started": now,
        "poll_finished": now,
        "success": now,
        "success_unix": time.time_ns(),
        "polls": 1,
        "source": "dynamodb",
        "daemon_pid": os.getpid(),
        "daemon_start": process_start(os.getpid()),
    }
    return PageStatus(**{**status, **more})


class Client:
    """A running ``ddbcfg-client`` whose lines are read as they come."""

    def __init__(self, host: Host, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ddbcfg_client", *arguments],
            cwd=ROOT,
            env=environment_of({"DDBCFG_NAMESPACE": host.namespace}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """The exit code and what stands in stderr."""
        if number is not None:
            self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


def answered(done: subprocess.CompletedProcess[str]) -> str:
    """What it printed; it was all well."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def failed(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The one line that says why; nothing was printed."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.startswith("ddbcfg-client: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


class Answers:
    """A source that gives what the test puts in ``answer``."""

    def __init__(self) -> None:
        self.answer: Reading | Exception = reading(STORE)

    def read(self, progress: Progress, **_: object) -> Reading:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
