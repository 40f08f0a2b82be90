"""A pinned content, and what it is on disk: one file, with the whole content in it.

So the pin does not depend on any other file, and is made or changed in one atomic step.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.errors import Held
from ddbcfg_daemon.sources.base import Reading


class PinRefused(ConfigError):
    """A content cannot be pinned, or a pin cannot be ended."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class PinPending(ConfigError):
    """A content is pinned, but could not be published yet; each poll tries again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"it is pinned, but not published yet, which each poll tries again: {self.reason}"


class PinHolds(Held):
    """The table has newer content, which is not published because another content is pinned."""

    def __init__(self, generation: int, since: int, by: str) -> None:
        super().__init__(generation, since, by)
        self.generation = generation
        self.since = since
        self.by = by

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(self.since / 1e9))
        by = f" by {self.by}" if self.by else ""
        return (
            f"newer content of the table is held: generation {self.generation} was pinned{by} at "
            f"{since}; 'ddbcfg-client unpin' ends that"
        )


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pinned content; ``generation`` is the one whose content it is, as the operator named it.

    ``since`` is in nanoseconds since 1970.  ``confirmed`` is when the table was last read before.
    """

    reading: Reading
    generation: int
    digest: str
    since: int
    by: str
    confirmed: Moment

    @property
    def options(self) -> Mapping[str, bytes]:
        """The pinned options, name to packed keys."""
        return self.reading.options

    def content(self) -> Content:
        """Return what to save on disk."""
        found = self.reading.provenance
        return Content(
            self.options,
            self.generation,
            self.digest,
            self.reading.read_at,
            self.confirmed,
            found.revision,
            found.epoch,
            {"pinned_since": self.since, "pinned_by": self.by},
        )

    @classmethod
    def of(cls, copy: Copy) -> Pinned:
        """Return the pinned content that was loaded from disk."""
        since, by = copy.notes.get("pinned_since"), copy.notes.get("pinned_by")
        return cls(
            copy.reading,
            copy.generation,
            copy.digest,
            since if type(since) is int and since >= 0 else copy.confirmed.unix,
            by if isinstance(by, str) else "",
            copy.confirmed,
        )
