"""The processes that botocore starts for the daemon: each ``credential_process``."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from pathlib import Path

_MOST = 1000  # processes: a bound, because they may start others in the meantime


def children() -> set[int]:
    """Return the process ids of this process's children."""
    return set(_children("/proc/self/task/*"))


def end_helpers(others: Collection[int]) -> None:
    """Send SIGTERM to all children except ``others``, so that none outlives the daemon.

    ``others`` are the children that existed before: a shell can start some and then ``exec`` the
    daemon.
    """
    for pid in children().difference(others):
        _signal(pid, signal.SIGTERM)


def kill_helpers_of(thread: int) -> None:
    """Kill the processes that a thread started, and their descendants.

    ``thread`` is the native id.  botocore waits without a timeout until all of these processes have
    closed the pipe that it reads.
    """
    found = _children(f"/proc/self/task/{thread}")
    for pid in islice(found, _MOST):  # the list grows during the loop
        found += _children(f"/proc/{pid}/task/*")
    for pid in found[:_MOST]:
        _signal(pid, signal.SIGKILL)


def _children(tasks: str) -> list[int]:
    found: list[int] = []
    for file in Path("/").glob(f"{tasks[1:]}/children"):
        with suppress(OSError):  # the thread has ended
            found += map(int, file.read_text().split())
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
