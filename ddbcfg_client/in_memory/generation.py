"""The generations of a store that is published in this process's memory only."""

from __future__ import annotations

import time

from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.in_memory.objects import MemorySegment
from ddbcfg_client.shm.clock import boottime
from ddbcfg_client.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ddbcfg_client.format.names import Names
    from ddbcfg_client.memo import Memo


class Generation:
    """One generation: its number, its content, and the names that changed.  Immutable."""

    __slots__ = ("changes", "content", "number")

    def __init__(self, number: int, content: PackedStore, changes: ChangeLog) -> None:
        self.number = number
        self.content = content
        self.changes = changes

    @classmethod
    def first(cls, options: Mapping[str, bytes]) -> Generation:
        """Return generation 1 with these ``options``, name to packed keys."""
        return cls(1, PackedStore.of(options), ChangeLog(1))

    def then(self, options: Mapping[str, bytes]) -> Generation:
        """Return the next generation; this one if ``options`` are the same, as in the daemon."""
        content = self.content.follow(options)
        if not any(content.differences):
            return self
        number = self.number + 1
        return Generation(number, content, self.changes.then((number, *content.differences)))

    def options(self) -> dict[str, bytes]:
        """Return a new dict of the options, name to packed keys."""
        return dict(self.content.options())

    def snapshot(self, names: Names, memo: Memo, source: str) -> Snapshot:
        """Return a snapshot that reads the bytes that a daemon would publish."""
        about = About(time.time_ns(), boottime(), source)
        image = self.content.image(self.number, about, self.changes)
        return Snapshot(MemorySegment(names.segment(self.number), image), names.store, memo)
