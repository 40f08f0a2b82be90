"""The snapshot segments of one store in /dev/shm, as seen by their only writer."""

from __future__ import annotations

import logging
import os
import random
import stat
from collections.abc import Callable
from contextlib import suppress
from itertools import chain

from ddbcfg_client.errors import (
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotPermissionError,
    SnapshotReclaimed,
    UntrustedSegment,
)
from ddbcfg_client.format.builder import Image
from ddbcfg_client.format.names import Names
from ddbcfg_client.memo import Memo
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.trust import SHM_DIR, Gone, Trust
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.errors import ForeignObject, PublishError
from ddbcfg_daemon.publishing.objects import Access, allocate, create, path_of, unlink, write
from ddbcfg_daemon.publishing.replaced import ReplacedSegments

log = logging.getLogger("ddbcfg.daemon")

_NUMBERS_TRIED = 100  # for a new segment, if files of other users have the names
_LAST = 1 << 62  # a generation from here on is invalid; the layout ends at twice that
_SKIP = 1 << 20  # at most so many numbers are skipped: another user cannot guess the next one


# The errors of a segment that was not published, or is damaged.  Other errors, such as a missing
# file descriptor, say nothing about the segment, so nothing is published then.
_NOT_WHOLE = (
    Gone,
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotPermissionError,
    SnapshotReclaimed,
    UntrustedSegment,
)


class SegmentFiles:
    """Creates, finds and removes segments; ``replaced`` has those that readers may still hold.

    ``at`` is called with the name of each step before the step.
    """

    def __init__(
        self, names: Names, access: Access, trust: Trust, at: Callable[[str], None]
    ) -> None:
        self.replaced = ReplacedSegments(names)
        self._names = names
        self._access = access
        self._trust = trust
        self._at = at

    def generations(self) -> list[int]:
        """Return the generations of this user's segments that are in /dev/shm."""
        found = []
        for file in os.listdir(SHM_DIR):
            generation = self._names.generation_of(f"/{file}")
            if generation is None or generation >= _LAST:
                continue
            # Another user can create a file with any generation, and it could not be removed.
            with suppress(FileNotFoundError):
                status = path_of(f"/{file}").lstat()
                if stat.S_ISREG(status.st_mode) and status.st_uid == self._access.uid:
                    found.append(generation)
        return found

    def _open_whole(self, generation: int) -> tuple[Segment, dict[str, bytes]] | None:
        """Return the segment of ``generation`` and its options, name to packed keys.

        Return None if it does not exist or any byte of it is invalid.
        """
        try:
            segment = Segment(self._names.segment(generation), generation, self._trust)
            options = Snapshot(segment, self._names.store, Memo()).packed()
            # The daemon that published it may have had other settings for mode, group and owner.
            segment.apply(self._access.apply)
        except _NOT_WHOLE:
            return None
        return segment, options

    def newest_whole(self, announced: int) -> tuple[Segment, dict[str, bytes]] | None:
        """Return the ``announced`` segment and its options, or else the newest later one.

        There is a later segment if the page was removed, or if the last publisher was killed just
        before the announcement.  Incomplete segments are ignored; None if there is no other.
        """
        later = (generation for generation in self.generations() if generation > announced)
        for generation in [announced, *sorted(later, reverse=True)]:
            found = self._open_whole(generation)
            if found is not None:
                return found
        return None

    def make(self, after: int, image_of: Callable[[int], Image]) -> tuple[int, Segment]:
        """Create the next segment after ``after``; return its generation and the open segment.

        The segment is complete, but not announced yet.  Raise PublishError; nothing is left then.
        """
        self._at("create")
        generation, fd = self._reserve(after + 1)
        name = self._names.segment(generation)
        try:
            image = image_of(generation)
            allocate(fd, name, image.header.size, self.replaced.reclaim)
            self._at("write")
            write(fd, chain([image.header.pack()], image.parts()))
            self._at("mode")
            self._access.apply(fd)
            return generation, self._opened(name, generation)
        except BaseException:
            unlink(name)
            raise
        finally:
            # Also what orders the writes before the announcement, on processors with weak ordering:
            # see "The order of memory" in docs/architecture.md.
            os.close(fd)

    def _opened(self, name: str, generation: int) -> Segment:
        try:
            return Segment(name, generation, self._trust)
        except Gone:
            raise PublishError(f"{name} was removed during its publication") from None

    def _reserve(self, generation: int) -> tuple[int, int]:
        """Create an empty segment of ``generation`` or later; return its generation and descriptor.

        Generations must grow, but may have gaps.  If another user's file has the name, a random
        number of generations is skipped, so that this user cannot block every next name.
        """
        for _ in range(_NUMBERS_TRIED):
            try:
                return generation, create(self._names.segment(generation), self._access)
            except ForeignObject as error:
                log.warning("%s; trying another generation", error)
                refused = error
            generation += random.randint(1, _SKIP)
        raise refused

    def forget_all_but(self, current: int) -> None:
        """Remove every other segment as soon as no reader holds it."""
        for generation in self.generations():
            if generation != current:
                self.replaced.add(generation)

    def remove_all(self) -> None:
        """Remove every segment, also those that readers hold."""
        for generation in self.generations():
            unlink(self._names.segment(generation))
