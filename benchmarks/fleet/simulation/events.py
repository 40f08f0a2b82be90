"""Time, in which processes wait."""

from __future__ import annotations

from collections.abc import Generator
from heapq import heappop, heappush
from typing import TypeVar

T = TypeVar("T")
#: A process yields the seconds that it waits, and returns when it has ended.
Process = Generator[float, None, T]


class Events:
    """Runs processes in the order of their times; equal times in the order of their waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, Process[object]]] = []
        self._number = 0

    def start(self, process: Process[object], at: float = 0.0) -> None:
        """Let a process begin at this time."""
        self._number += 1
        heappush(self._waiting, (at, self._number, process))

    def run(self, until: float) -> None:
        """Go on until this time, or until no process waits any more."""
        while self._waiting and self._waiting[0][0] <= until:
            self.now, _, process = heappop(self._waiting)
            try:
                pause = next(process)
            except StopIteration:
                continue
            self.start(process, self.now + pause)
        self.now = until
