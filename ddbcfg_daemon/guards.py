"""Guards: a bad push never reaches a worker.

Each looks at what was read beside what is published, and may refuse it.  What is refused is not
published; the generation before stays.  An operator can accept it all the same: ``ddbcfg-client
reload --accept``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.checks.shrink import shrinkage
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.values import unpack_option
from ddbcfg_daemon.sources.base import Reading


class GuardRefused(ConfigError):
    """A guard keeps what was read from being published."""

    def __init__(self, guard: str, reason: str) -> None:
        super().__init__(guard, reason)
        self.guard = guard
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"not published, the {self.guard} guard refused it: {self.reason}; if it is meant, "
            "'ddbcfg-client reload --accept' publishes it"
        )


class Guard(Protocol):
    """Judges a reading."""

    def check(self, published: Collection[str], reading: Reading, *, scheduled: bool) -> None:
        """Raise GuardRefused unless *reading* may follow the options *published* (by name).

        A poll that somebody asked for is not *scheduled*.
        """
        ...


@dataclass(slots=True)
class ShrinkGuard:
    """Refuses a store that lost more than *max_shrink* percent of its options, or all of them.

    A shrink is believed when it has stood for *polls* scheduled polls in a row: a deletion that is
    meant gets through by itself, a half-done one does not, for a store that goes on shrinking has
    not stood.  Polls that readers ask for prove
    nothing about time, so they do not count.  An emptied store is never believed by itself.
    """

    max_shrink: float = 50.0
    polls: int = 3
    allow_empty: bool = False
    _seen: int = 0
    _fewest: int = 0  # options since it was first seen

    def check(self, published: Collection[str], reading: Reading, *, scheduled: bool) -> None:
        """See Guard."""
        reason = shrinkage(published, reading.options, self.max_shrink, self.allow_empty)
        if reason is None or not reading.options:
            self._seen = 0
            if reason is None:
                return
            raise GuardRefused("shrink", f"{reason}, and without --allow-empty that stays refused")
        if self._seen == 0 or len(reading.options) < self._fewest:
            self._seen, self._fewest = 0, len(reading.options)
        self._seen += scheduled
        if self._seen < self.polls:
            seen = f"{self._seen} of {self.polls} scheduled polls"
            raise GuardRefused("shrink", f"{reason} (so far at {seen})")
        self._seen = 0


@dataclass(frozen=True, slots=True)
class SchemaGuard:
    """Refuses options that do not keep to the operator's JSON Schema."""

    schema: Schema

    def check(self, published: Collection[str], reading: Reading, *, scheduled: bool) -> None:
        """See Guard."""
        for option in sorted(self.schema.options):
            packed = reading.options.get(option)
            keys = None if packed is None else unpack_option(packed)
            violation = self.schema.violation(option, keys)
            if violation is not None:
                raise GuardRefused("schema", violation)
