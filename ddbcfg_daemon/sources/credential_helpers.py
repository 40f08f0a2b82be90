"""The processes that botocore starts for the daemon: each ``credential_process``."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from itertools import islice
from pathlib import Path

_MOST = 1000  # processes: bounded, whatever they start meanwhile


def children() -> set[int]:
    """Return the process ids of this process's children."""
    return set(_children("/proc/self/task/*"))


def end_helpers(others: Collection[int]) -> None:
    """Ask all children but *others* to end: one that hangs is not to outlive the daemon.

    *others* are those that were there before: a shell can start some and then become the daemon.
    """
    for pid in children().difference(others):
        _signal(pid, signal.SIGTERM)


def kill_helpers_of(thread: int) -> None:
    """Kill what this thread started, and what that started; *thread* is its native id.

    botocore waits without a limit until all of them have closed the pipe that it reads.
    """
    found = _children(f"/proc/self/task/{thread}")
    for pid in islice(found, _MOST):  # the list grows meanwhile
        found += _children(f"/proc/{pid}/task/*")
    for pid in found[:_MOST]:
        _signal(pid, signal.SIGKILL)


def _children(tasks: str) -> list[int]:
    found: list[int] = []
    for file in Path("/").glob(f"{tasks[1:]}/children"):
        with suppress(OSError):  # a thread that ended meanwhile
            found += map(int, file.read_text().split())
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
