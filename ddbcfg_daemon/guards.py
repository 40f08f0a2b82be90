"""Guards: a bad push never reaches a worker.

Each guard compares a reading with the published options, and may refuse it.  A refused reading is
not published; the current generation stays.  An operator can still accept it:
``ddbcfg-client reload --accept``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.checks.shrink import shrinkage
from ddbcfg_client.format.options import unpack_option
from ddbcfg_daemon.errors import Held
from ddbcfg_daemon.sources.base import Reading


class GuardRefused(Held):
    """A guard refused to publish a reading."""

    def __init__(self, guard: str, reason: str) -> None:
        super().__init__(guard, reason)
        self.guard = guard
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"not published, the {self.guard} guard refused it: {self.reason}; if it is intended, "
            "'ddbcfg-client reload --accept' publishes it"
        )


class LayersRefused(GuardRefused):
    """Guards refused readings of layers; ``layers`` has name, guard and reason of each."""

    def __init__(self, layers: list[tuple[str, str, str]]) -> None:
        super().__init__(layers[0][1], layers[0][2])
        self.args = (layers,)
        self.layers = layers

    def __str__(self) -> str:
        texts = [
            f"layer {name!r} is merged with its last good content, because the {guard} guard "
            f"refused the new one: {reason}"
            for name, guard, reason in self.layers
        ]
        return f"{'; '.join(texts)}; if it is intended, 'ddbcfg-client reload --accept' merges it"


class Guard(Protocol):
    """Judges a reading."""

    def check(self, published: Collection[str], reading: Reading, *, scheduled: bool) -> None:
        """Raise GuardRefused unless ``reading`` may replace the options named in ``published``.

        ``scheduled`` is False for a poll on request.
        """
        ...


@dataclass(slots=True)
class ShrinkGuard:
    """Refuses a store that lost more than ``max_shrink`` percent of its options, or all of them.

    A shrink is accepted after it has been stable for ``polls`` scheduled polls in a row.  So an
    intended deletion is published without an operator.  A deletion that is still going on is not:
    each further loss starts the count again.  Polls on request do not count, because they say
    nothing about the time that has passed.  An emptied store is never accepted without an operator.
    """

    max_shrink: float = 50.0
    polls: int = 3
    allow_empty: bool = False
    _seen: int = 0
    _fewest: int = 0  # options read since the shrink was first seen

    def check(self, published: Collection[str], reading: Reading, *, scheduled: bool) -> None:
        """Raise GuardRefused if the store lost too many options; see Guard."""
        reason = shrinkage(published, reading.options, self.max_shrink, self.allow_empty)
        if reason is None or not reading.options:
            self._seen = 0
            if reason is None:
                return
            why = "without --allow-empty, an emptied store stays refused"
            raise GuardRefused("shrink", f"{reason}; {why}")
        if self._seen == 0 or len(reading.options) < self._fewest:
            self._seen, self._fewest = 0, len(reading.options)
        self._seen += scheduled
        if self._seen < self.polls:
            seen = f"{self._seen} of {self.polls} scheduled polls"
            raise GuardRefused("shrink", f"{reason} (so far at {seen})")
        self._seen = 0


@dataclass(frozen=True, slots=True)
class SchemaGuard:
    """Refuses options that are invalid against the operator's JSON Schema."""

    schema: Schema

    def check(self, published: Collection[str], reading: Reading, *, scheduled: bool) -> None:
        """Raise GuardRefused for the first option that is invalid; see Guard."""
        for option in sorted(self.schema.options):
            packed = reading.options.get(option)
            keys = None if packed is None else unpack_option(packed)
            violation = self.schema.violation(option, keys)
            if violation is not None:
                raise GuardRefused("schema", violation)
