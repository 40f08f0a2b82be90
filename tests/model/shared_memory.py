"""What a publisher stores and a reader loads, each store and load one step on a weak memory.

The bytes and all checks are the real ones.  The order of the steps is that of ``publishing/``,
``shm/`` and ``page_follower.py``; files have a name, a size and three parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from msgpack import packb

from ddbcfg_client.errors import SnapshotCorrupt, SnapshotReclaimed, SnapshotUnavailable
from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.page import RETIRED
from ddbcfg_client.format.segment import HEADER_SIZE, parse_header
from ddbcfg_client.memo import Memo
from ddbcfg_client.snapshot import Snapshot
from model.weak_memory import Memory, Reader, Writer

TRIES = 3  # of a reader, instead of a hundred
OPTIONS = ("a", "b")


@cache
def image(generation: int, content: int | None = None) -> tuple[bytes, bytes, bytes]:
    """Return a segment in three parts: header, index with half of the body, the other half."""
    value = f"generation {generation if content is None else content}"
    store = PackedStore.of({option: packb({"value": value}) for option in OPTIONS})
    built = store.image(generation, About(0, 0, "dynamodb"), ChangeLog(generation))
    whole = b"".join([built.header.pack(), *built.parts()])
    half = len(whole) - built.header.body_size // 2
    return whole[:HEADER_SIZE], whole[HEADER_SIZE:half], whole[half:]


class Publishing(Writer):
    """A publisher; ``early`` announces a segment before it is written."""

    def page(self, page: int) -> None:
        """Make the control page number ``page``, and put it in place."""
        self.store(("ready", page), True)
        self.fence()  # rename()
        self.store("page", page)

    def write(self, generation: int, parts: tuple[bytes, ...] | None = None) -> None:
        """Create the segment of ``generation`` and write it, all but the announcement."""
        parts = parts or image(generation)
        self.store(("name", generation), True)
        self.store(("size", generation), sum(map(len, parts)))
        for number, part in enumerate(parts):
            self.store(("part", generation, number), part)

    def announce(self, generation: int, page: int = 1) -> None:
        self.fence()  # close() of the segment that was written
        self.store(("generation", page), generation)

    def publish(self, generation: int, page: int = 1) -> None:
        self.write(generation)
        self.announce(generation, page)

    def retire(self, generation: int, page: int = 1) -> None:
        self.fence()
        self.store(("generation", page), generation | RETIRED)

    def remove(self, generation: int, *, truncate: bool = False) -> None:
        """Remove a replaced segment, or only its memory while readers hold it."""
        self.fence()
        if truncate:
            self.store(("size", generation), 0)
        self.store(("name", generation), False)


def empty(generations: range, pages: range = range(1, 2)) -> Memory:
    """Return the memory of a host without a daemon."""
    memory = Memory()
    memory.start("page", 0)
    for page in pages:
        memory.start(("ready", page), False)
        memory.start(("generation", page), 0)
    for generation in generations:
        memory.start(("name", generation), False)
        memory.start(("size", generation), 0)
        for number, part in enumerate(image(generation)):
            memory.start(("part", generation, number), bytes(len(part)))
    return memory


class Gone(Exception):
    """The segment has no name, or it was truncated."""


class OpenSegment:
    """A reader's open segment; raise what ``ddbcfg_client.shm.segment.Segment`` raises."""

    def __init__(self, memory: Reader, generation: int) -> None:
        self.name = f"segment {generation}"
        self._memory = memory
        self._generation = generation
        if not memory.load(("name", generation)):
            raise Gone
        size = memory.load(("size", generation))
        head = self._part(0)
        if size < HEADER_SIZE:
            raise Gone
        if not head.startswith(b"DDBCFGS"):
            raise SnapshotCorrupt(self.name, "it is not a snapshot segment")
        try:
            self.header = parse_header(head, size)
        except ValueError as error:
            raise SnapshotCorrupt(self.name, str(error)) from None
        if self.header.generation != generation:
            raise SnapshotCorrupt(self.name, "it holds another generation")

    def _part(self, number: int) -> Any:
        return self._memory.load(("part", self._generation, number))

    def found(self, option: str) -> bytes | None:
        """Return None: what is modelled is the way in Python."""
        return None

    def read(self, offset: int, size: int) -> bytes:
        if self._memory.load(("size", self._generation)) == 0:
            raise SnapshotReclaimed(self.name, "it was truncated")
        start, found = 0, b""
        for number, part in enumerate(image(self._generation)):
            if offset < start + len(part) and start < offset + size:
                loaded = self._part(number)
                found += loaded[max(offset - start, 0) : offset + size - start]
            start += len(part)
        return found

    def is_open(self) -> bool:
        return True


@dataclass
class Follower:
    """A reader like PageFollower: it keeps the last snapshot if no newer one can be loaded."""

    memory: Reader
    page: int = 0
    generation: int = 0
    snapshot: Snapshot | None = None

    def read(self) -> tuple[int, dict[str, str]]:
        """Return the generation that is served, and its values; raise typed errors."""
        for _ in range(TRIES):
            snapshot = self._current()
            try:
                return snapshot.generation, {name: snapshot[name]["value"] for name in OPTIONS}
            except SnapshotReclaimed:
                self.generation = 0
        raise SnapshotUnavailable("page", "it changes faster than it can be read")

    def _current(self) -> Snapshot:
        if (
            self.snapshot is not None
            and self.memory.load(("generation", self.page)) == self.generation
        ):
            return self.snapshot
        for _ in range(TRIES):
            if not self.page or self.memory.load(("generation", self.page)) & RETIRED:
                self.page = self.memory.load("page")
                if not self.page or not self.memory.load(("ready", self.page)):
                    self.page = 0
                    break
            generation = self.memory.load(("generation", self.page))
            if generation & RETIRED:
                continue
            if generation == 0:
                break
            try:
                segment = OpenSegment(self.memory, generation)
            except Gone:
                continue
            except SnapshotCorrupt:
                if self.memory.load(("generation", self.page)) != generation:
                    continue
                if self.snapshot is None:
                    raise
                return self.snapshot
            self.generation, self.snapshot = generation, Snapshot(segment, "model", Memo())
            return self.snapshot
        if self.snapshot is None:
            raise SnapshotUnavailable("page", "nothing can be loaded")
        return self.snapshot
