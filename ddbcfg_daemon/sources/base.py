"""What every source of snapshots has in common: what a reading is, and what reads one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ddbcfg_client.shm.clock import boottime

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """All options of a store as read at one time.

    ``options`` maps each name to its packed keys, and is not changed any more.  ``read_at`` is
    nanoseconds since 1970, ``read_boottime`` nanoseconds of CLOCK_BOOTTIME, now by default.
    ``skipped`` names the items that are no options.
    """

    options: Mapping[str, bytes]
    read_at: int
    source: str = "dynamodb"
    skipped: tuple[str, ...] = ()
    read_boottime: int = field(default_factory=boottime)

    def same_as(self, other: Reading) -> bool:
        """Whether both read the same content."""
        return self.options == other.options and self.skipped == other.skipped


class Source(Protocol):
    """Where a refresher reads a store."""

    def read(self, progress: Progress) -> Reading:
        """The whole store.  Raises ConfigError; calls *progress* now and then while it goes on."""
        ...
