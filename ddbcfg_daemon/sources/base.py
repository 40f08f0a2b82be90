"""What every source of snapshots has in common: what a reading is, and what reads one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.settings.values import StoreSettings

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
        """Return the whole store; call *progress* now and then while it goes on.

        Raise ConfigError, and SourceUnusable if no later reading can succeed.
        """
        ...


class Sources(Protocol):
    """A kind of source, opened: the stores to serve, and the source of each.

    Kinds derive from it.  What it defines holds for one that is elsewhere and lasts.
    """

    stores: Sequence[StoreSettings]
    """The stores to serve."""

    lasting: bool = True
    """Whether the content outlives the daemon.

    What was published from a source that does not last is removed at the end, and not kept on disk.
    """

    def source(self, store: StoreSettings) -> Source:
        """Return the source of one of the stores; nothing is read yet."""
        ...

    def fault(self) -> ConfigError | None:
        """Return why no store can be read, however often it is tried; None if that is not known."""
        return None

    def check_published(self, names: Names) -> None:
        """Raise OtherSource if this source may not replace what is published under *names*."""
        return

    def introduction(self) -> Sequence[str]:
        """Return lines that tell somebody at a terminal what is served and how to read it."""
        return ()

    def close(self) -> None:
        """End what was opened."""
        return
