"""Timing in interleaved rounds, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import TypeVar

Name = TypeVar("Name")

_AT_LEAST = 3  # rounds, of what takes long

# What timeit does, too: one call a turn, and the loop is part of what is measured.  The expression
# stands in the loop itself, and its names are local variables: nothing is called that the
# expression does not call.
_LOOP = """
def timed(_turns, _clock{parameters}):
    _start = _clock()
    for _ in _turns:
        {expression}
    return _clock() - _start
"""


class Timing:
    """Times an expression; ``calls`` is how many one timing makes."""

    def __init__(self, expression: str, names: Mapping[str, object], seconds: float) -> None:
        scope: dict[str, Callable[..., int]] = {}
        parameters = "".join(f", {name}" for name in names)
        exec(_LOOP.format(parameters=parameters, expression=expression), scope)
        self._loop = scope["timed"]
        self._names = names
        self.calls = 1
        self._grow(seconds * 1e9)

    def _grow(self, goal: float) -> None:
        """Set ``calls`` so that one timing takes about *goal* ns, or one call if that is longer."""
        self._run(1)
        while (taken := self._run(self.calls)) < goal / 2:
            self.calls = max(2 * self.calls, int(self.calls * goal / max(taken, 1) / 2))

    def take(self) -> float:
        """Nanoseconds of one call: the mean of this timing's."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._run(1)  # whatever was measured before had the caches to itself
            return self._run(self.calls) / self.calls
        finally:
            if collecting:
                gc.enable()

    def _run(self, calls: int) -> int:
        """Nanoseconds of so many calls."""
        return self._loop(repeat(None, calls), _clock, **self._names)


_clock = time.perf_counter_ns


def take_turns(takes: Mapping[str, Callable[[], float]], order: random.Random) -> dict[str, float]:
    """One round: what each of *takes* measured, in an order of its own each time."""
    names = list(takes)
    order.shuffle(names)
    return {name: takes[name]() for name in names}


def turns(names: Sequence[Name], rounds: int, seconds: float) -> Iterator[Name]:
    """Each of *names* in turn, *rounds* times; three times only what takes more than *seconds*.

    What is done between two names is put down to the first.
    """
    spent = dict.fromkeys(range(len(names)), 0.0)
    for number in range(rounds):
        for place, name in enumerate(names):
            if number < _AT_LEAST or spent[place] < seconds:
                started = time.monotonic()
                yield name
                spent[place] += time.monotonic() - started
