"""The interface of every source of snapshots, and the reading that it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.settings.store_values import StoreSettings

Progress = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a reading says of the table's own version of the store; ``table_revision`` is 0 if none.

    The options are those of ``revision`` in ``epoch``.  ``how`` says how they became known, empty
    if an earlier daemon did.  ``note`` says what keeps the store from being followed as usual.
    ``in_doubt`` is true for options that no revision proves.
    """

    epoch: str = ""
    revision: int = 0
    table_revision: int = 0
    how: str = ""
    note: str = ""
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """What is served when a source has read nothing yet: options of a revision of the table.

    ``full_age`` is the number of seconds since the whole store was read, as far as is known.
    """

    epoch: str
    revision: int
    options: Mapping[str, bytes]
    full_age: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """All options of a store, read at one time.

    ``options`` maps each name to its packed keys; it must not be modified.  ``read_at`` is in
    nanoseconds since 1970, ``read_boottime`` in nanoseconds of CLOCK_BOOTTIME, by default now.
    ``skipped`` lists the items that are not options.

    ``confirmed`` is false if these are not known to be the table's options now: then they are only
    what was known before.  ``whole`` says whether all of them were read.  ``units`` are the read
    units that were consumed since the last reading.  ``again_in`` is the number of seconds after
    which the store should be read again, even if that is before the next regular poll.

    Of several layers, some may take part with what was known of them: ``failure`` and ``held`` say
    why, and ``confirmed_at`` is when the table confirmed the oldest of them; None without any.
    ``late`` says which ones are still being read although that was requested.
    ``layers`` says which content of each took part: see ``ddbcfg_daemon.layers.record``.
    ``counts`` is false if a guard must not count the poll, because it did not read again what
    changed.
    """

    options: Mapping[str, bytes]
    read_at: int
    source: str = "dynamodb"
    skipped: tuple[str, ...] = ()
    read_boottime: int = field(default_factory=boottime)
    confirmed: bool = True
    whole: bool = True
    units: float = 0.0
    again_in: float | None = None
    provenance: Provenance = Provenance()
    confirmed_at: int | None = None
    failure: ConfigError | None = None
    held: ConfigError | None = None
    late: str = ""
    counts: bool = True
    layers: Mapping[str, object] = field(default_factory=dict)

    def same_as(self, other: Reading) -> bool:
        """Return whether both readings have the same content."""
        return self.options == other.options and self.skipped == other.skipped


class Source(Protocol):
    """The source of one store, as a refresher reads it."""

    def read(
        self, progress: Progress, *, full: bool = False, served: Served | None = None
    ) -> Reading:
        """Return the whole store; call ``progress`` repeatedly while reading.

        With ``full``, read all of it, even if it seems to be known.  ``served`` is what an earlier
        daemon left, as long as this one has read nothing.  Raise ConfigError, and SourceUnusable if
        no later reading can succeed.
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

    def place(self, store: StoreSettings) -> str:
        """Return where one of the stores is read from, for the log: region and endpoint."""
        ...

    def target(self, store: StoreSettings) -> str:
        """Return a text that identifies the store in its table; equal for equal stores.

        A role or profile can belong to another account, which has other tables.
        """
        text = f"store {store.store!r} of table {store.table!r}, {self.place(store)}"
        role = f", role {store.role_arn}" if store.role_arn else ""
        return text + role + (f", profile {store.profile}" if store.profile else "")

    def keep(self, stores: Sequence[StoreSettings]) -> None:
        """Serve these stores from now on; forget what only others needed."""
        self.stores = stores

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
