"""The interface of every source of snapshots, and the reading that it returns."""

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
    """All options of a store, read at one time.

    ``options`` maps each name to its packed keys; it must not be modified.  ``read_at`` is in
    nanoseconds since 1970, ``read_boottime`` in nanoseconds of CLOCK_BOOTTIME, by default now.
    ``skipped`` lists the items that are not options.
    """

    options: Mapping[str, bytes]
    read_at: int
    source: str = "dynamodb"
    skipped: tuple[str, ...] = ()
    read_boottime: int = field(default_factory=boottime)

    def same_as(self, other: Reading) -> bool:
        """Return whether both readings have the same content."""
        return self.options == other.options and self.skipped == other.skipped


class Source(Protocol):
    """The source of one store, as a refresher reads it."""

    def read(self, progress: Progress) -> Reading:
        """Return the whole store; call ``progress`` repeatedly while reading.

        Raise ConfigError, and SourceUnusable if no later reading can succeed.
        """
        ...


class Sources(Protocol):
    """A kind of source, opened: the stores to serve, and the source of each.

    Each kind is a subclass.  The defaults are right for a remote source with lasting content.
    """

    stores: Sequence[StoreSettings]
    """The stores to serve."""

    lasting: bool = True
    """Whether the content outlives the daemon.

    If not, the published snapshots are removed when the daemon ends, and not kept on disk.
    """

    def source(self, store: StoreSettings) -> Source:
        """Return the source of one of the stores; nothing is read yet."""
        ...

    def fault(self) -> ConfigError | None:
        """Return why no store can ever be read; None if no such reason is known."""
        return None

    def check_published(self, names: Names) -> None:
        """Raise OtherSource if this source may not replace what is published under ``names``."""
        return

    def introduction(self) -> Sequence[str]:
        """Return lines for a terminal: what is served, and how to read it."""
        return ()

    def close(self) -> None:
        """Close the source."""
        return
