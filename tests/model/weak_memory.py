"""Memory as processors with weak ordering (ARM) have it, and every execution of a reader on it.

Each place keeps all values that were stored, in order.  A reader's load returns any of them that is
not older than the one that it saw before at the same place (coherence); nothing else is ordered by
itself.  A writer's fence orders all its stores before the fence with those after it, for a reader
that acquires: what such a reader sees next is at least what had been stored before the fence.

The writer never reads what the reader writes, so it can be at its end before the reader starts:
the reader chooses what it sees.  A writer that is killed after a store, and one that is still
running, are the executions in which nothing later is chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

Choose = Callable[[int], int]


class Unfinished(Exception):
    """The execution is longer than the search looks."""


@dataclass
class Memory:
    """The values of each place, from the first, each with what is ordered before it."""

    stored: dict[Hashable, list[tuple[Any, dict[Hashable, int]]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def start(self, place: Hashable, value: Any) -> None:
        """Set the value that a place has before anything is stored."""
        self.stored[place] = [(value, {})]


class Writer:
    """A process that stores; without ``fences`` nothing orders its stores."""

    def __init__(self, memory: Memory, *, fences: bool = True) -> None:
        self._memory = memory
        self._fences = fences
        self._fenced: dict[Hashable, int] = {}
        self._own: dict[Hashable, int] = {}

    def store(self, place: Hashable, value: Any) -> None:
        values = self._memory.stored[place]
        self._own[place] = len(values)
        values.append((value, self._fenced))

    def fence(self) -> None:
        if self._fences:
            self._fenced = dict(self._own)


class Reader:
    """A process that loads; only with ``acquires`` are its loads ordered with later ones."""

    def __init__(self, memory: Memory, choose: Choose, *, acquires: bool = True) -> None:
        self._memory = memory
        self._choose = choose
        self._acquires = acquires
        self._seen: dict[Hashable, int] = {}

    def load(self, place: Hashable) -> Any:
        values = self._memory.stored[place]
        oldest = self._seen.get(place, 0)
        at = oldest + self._choose(len(values) - oldest)
        value, ordered_before = values[at]
        self._seen[place] = at
        if self._acquires:
            for other, seen in ordered_before.items():
                self._seen[other] = max(self._seen.get(other, 0), seen)
        return value


def executions(run: Callable[[Choose], Any], *, longest: int = 60) -> Iterator[Any]:
    """Yield the result of ``run`` for every sequence of choices; drop those that are too long."""
    trail: list[tuple[int, int]] = []
    while True:
        wanted = [made for made, _ in trail]
        trail.clear()

        def choose(options: int, wanted: list[int] = wanted) -> int:
            if len(trail) == longest:
                raise Unfinished
            made = wanted[len(trail)] if len(trail) < len(wanted) else 0
            trail.append((made, options))
            return made

        try:
            yield run(choose)
        except Unfinished:
            pass
        while trail and trail[-1][0] + 1 == trail[-1][1]:
            trail.pop()
        if not trail:
            return
        made, options = trail.pop()
        trail.append((made + 1, options))
