"""The objects of one store in shared memory, as seen by their only writer, and their publication.

A segment is never modified after readers can see it: it is complete before its generation is
announced, and the announcement is a single write of one word.  So a publisher may be killed between
any two instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy

from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import Image, PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.memo import Memo
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.snapshot import Snapshot
from ddbcfg_daemon.publishing.objects import unlink
from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.segment_files import SegmentFiles
from ddbcfg_daemon.publishing.semaphore import PublishingSemaphore


def _begin(status: PageStatus, generation: int) -> None:
    """Record in ``status`` that ``generation`` follows the one in it."""
    status.previous_generation, status.previous_success = status.generation, status.success
    status.generation = generation


class SharedStore:
    """Page, segments and semaphore of one store, and the published content.

    Created by ``take_over``.  ``page`` is the current page, ``reported`` the status
    last written to it.  ``at`` is called with the name of each step before the step.
    """

    def __init__(
        self,
        names: Names,
        page: WritablePage,
        segments: SegmentFiles,
        semaphore: PublishingSemaphore,
        at: Callable[[str], None],
    ) -> None:
        self.names = names
        self.page = page
        self._segments = segments
        self._replaced = segments.replaced
        self._semaphore = semaphore
        self.at = at
        self.reported = page.status()
        # What is published: the open segment, its content, and the names that changed.
        self._current: Segment | None = None
        self._content = PackedStore.of({})
        self._changes = ChangeLog(0)
        self._last = 0

    @property
    def snapshot(self) -> Snapshot | None:
        """The published snapshot; None if there is none, or it is damaged."""
        current = self._current  # another thread may set this to None in close()
        if current is None:
            return None
        return Snapshot(current, self.names.store, Memo())

    @property
    def is_empty(self) -> bool:
        """Whether nothing is published, or the published segment is damaged."""
        return self._current is None

    @property
    def has_segment(self) -> bool:
        """Whether the current segment's name still refers to it."""
        return self._current is not None and self._current.has_name()

    def options(self) -> Mapping[str, bytes]:
        """Return the published options."""
        return dict(self._content.options())

    def advance(self, generation: int) -> None:
        """Make the next generation higher than ``generation``."""
        self._last = max(self._last, generation)

    def load(self, segment: Segment, options: Mapping[str, bytes]) -> None:
        """Use ``segment`` as the published one; its ``options`` were checked."""
        self._current, self._content = segment, PackedStore.of(options)
        self._changes = Snapshot(segment, self.names.store, Memo()).changes()

    # --- publication -----------------------------------------------------------------------------

    def publish(self, options: Mapping[str, bytes], about: About) -> bool:
        """Publish ``options`` unless they are published already; return whether they were new."""
        content = self._content.follow(options)
        news = self._current is None or any(content.differences)
        if news:
            self._publish(content, about)
        self._content = content
        return news

    def publish_again(self) -> None:
        """Publish the current snapshot as a new generation; do nothing if there is none.

        The name of a removed segment is not used again.
        """
        snapshot = self.snapshot
        if snapshot is not None:
            same = self._content.follow(dict(self._content.options()))
            self._publish(same, snapshot.about())

    def _publish(self, content: PackedStore, about: About) -> None:
        """Make ``content`` current as a new generation."""
        changes = self._changes

        def image_of(generation: int) -> Image:
            nonlocal changes
            changes = self._changes_with(generation, content)
            return content.image(generation, about, changes)

        generation, segment = self._segments.make(self._last, image_of)
        self._last = generation
        previous = self.page.generation
        try:
            self._announce(generation)
        finally:
            if self.page.generation == generation:
                self._changes = changes
                self._current, self._content = segment, content
            else:
                unlink(segment.name)
        if previous:
            # Freed at the start of the next poll: it takes milliseconds, and readers need time to
            # switch to the new segment.
            self._replaced.add(previous)

    def _changes_with(self, generation: int, content: PackedStore) -> ChangeLog:
        """Return the names that changed in the last generations, with ``content`` as the next."""
        if self._current is None:
            return ChangeLog(generation)
        return self._changes.then((generation, *content.differences))

    def announce_again(self) -> None:
        """Announce the current segment on a page that does not refer to it yet."""
        if self._current is not None:
            self._announce(self._current.header.generation)

    def _announce(self, generation: int) -> None:
        self.at("acquire")
        self._semaphore.acquire()
        try:
            self.at("announce")
            self.page.announce(generation)
        finally:
            self.at("release")
            self._semaphore.release()

    # --- status ----------------------------------------------------------------------------------

    def report(self, status: PageStatus) -> None:
        """Publish ``status`` to readers; the fields about generations are filled in here."""
        before = self.reported
        if before.generation != self.page.generation:
            before = copy(before)
            _begin(before, self.page.generation)
        status.generation = before.generation
        status.previous_generation = before.previous_generation
        status.previous_success = before.previous_success
        status.held_bytes = self._replaced.held_bytes()
        self.page.report(status)
        self.reported = copy(status)

    def complete_report(self) -> None:
        """Set the times in the status if a publisher was killed between announcement and report."""
        if self._current is not None and self.reported.generation != self.page.generation:
            header = self._current.header
            _begin(self.reported, self.page.generation)
            self.reported.success = header.read_boottime
            self.reported.success_unix = header.read_at

    def release(self) -> None:
        """Remove the replaced segments that no reader holds."""
        self._replaced.release()

    def reclaim(self) -> int | None:
        """Free the memory of replaced segments: see ``ReplacedSegments.reclaim``."""
        return self._replaced.reclaim()

    def sweep(self) -> None:
        """Remove every segment except the current one as soon as no reader holds it."""
        self._segments.forget_all_but(self.page.generation)
        self.at("unlink")
        self.release()

    # --- the end ---------------------------------------------------------------------------------

    def remove(self) -> None:
        """Remove page, segments and semaphore."""
        self.page.announce(0)
        self.page.retire()
        unlink(self.names.page)
        self._segments.remove_all()
        self._semaphore.remove()

    def close(self) -> None:
        """Close what is open."""
        self._current = None
        self.release()
        self._semaphore.close()
