"""A pinned content, and what it is on disk: one file, with the whole content in it.

So the pin does not depend on any other file, and is made or changed in one atomic step.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.disk.copy_file import CopyFile
from ddbcfg_daemon.disk.copy_format import Content, Copy
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.errors import Held
from ddbcfg_daemon.sources.base import Reading

_LAST = 1 << 62  # times from here on are invalid


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
        return f"it is pinned, but not published yet; each poll tries again: {self.reason}"


class PinHolds(Held):
    """The table has newer content, which is not published because another content is pinned."""

    def __init__(self, generation: int, since: int, by: str) -> None:
        super().__init__(generation, since, by)
        self.generation = generation
        self.since = since
        self.by = by

    def __str__(self) -> str:
        by = f" by {self.by}" if self.by else ""
        return (
            f"newer content of the table is held: generation {self.generation} was pinned{by} at "
            f"{_time(self.since)}; 'ddbcfg-client unpin' ends that"
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
        since, by = _noted(copy.notes)
        return cls(
            copy.reading,
            copy.generation,
            copy.digest,
            copy.confirmed.unix if since is None else since,
            by,
            copy.confirmed,
        )


def record_text(file: CopyFile) -> str:
    """Return what the record ``file`` says, for a person; empty if nothing is pinned."""
    try:
        found = file.head()
    except (ConfigError, OSError, ValueError) as error:
        return f"the record of what is pinned cannot be read: {error}"
    if found is None:
        return ""
    head, _ = found
    since, by = _noted(head.notes)
    text = f"pinned to the content of generation {head.generation}"
    text += "" if since is None else f" since {_time(since)}"
    return text + (f" by {by}" if by else "") + "; 'ddbcfg-client unpin' ends that"


def _noted(notes: Mapping[str, object]) -> tuple[int | None, str]:
    """Return since when a content is pinned, None if unknown, and by whom."""
    since, by = notes.get("pinned_since"), notes.get("pinned_by")
    if not isinstance(since, int) or isinstance(since, bool) or not 0 <= since < _LAST:
        since = None
    return since, by if isinstance(by, str) else ""


def _time(nanoseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(nanoseconds / 1e9))
