"""Following the control page: loading each generation, and serving the last one if that fails.

If a thread is late, with an older generation or with a failure, it does not replace a snapshot that
another thread loaded meanwhile.  So a reader never returns to an older generation.
"""

from __future__ import annotations

from itertools import count
from time import monotonic

from ddbcfg_client.arguments import seconds_of
from ddbcfg_client.attachment import Attachment, nothing
from ddbcfg_client.errors import (
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotReclaimed,
    SnapshotTooStale,
    SnapshotUnavailable,
)
from ddbcfg_client.format.page import GENERATION_WORD, RETIRED, words_of
from ddbcfg_client.hotpath import Hot
from ddbcfg_client.memo import Memo
from ddbcfg_client.reporting import log
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.trust import Gone, Trust
from ddbcfg_client.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from ddbcfg_client.attachment import Position, View
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.objects.troubles import Troubles
    from ddbcfg_client.readonly import ReadOnlyDict

    Result = TypeVar("Result")

# A page is marked when it is replaced, unless its daemon was killed and the page was then removed.
# So a reader checks the page's name once a second, which needs the clock at every read.  Counting
# reads instead would not be faster, and a process that reads rarely would keep the old page.  A
# generation that could not be loaded is retried once a second too: an attempt costs as much as a
# thousand reads.
_NAME_CHECK = 1.0

# A missing segment was replaced by a newer one.  More retries are needed only if segments are being
# deleted, or replaced faster than they can be opened.
_TRIES = 100

NO_DAEMON = "no daemon has published it on this host"
_NOT_FOUND = "it was removed, or this process has another /dev/shm now (for example after a chroot)"

# Raised if what is published cannot be read: it is damaged, untrusted, not permitted, or written by
# a daemon that was upgraded first.  A reader that has a snapshot keeps serving it; its age grows.
_UNUSABLE = (SnapshotError, LayoutMismatch)

_take_ups = count(1)  # numbers the snapshots that this process loads


class PageFollower(Hot):
    """Serves the newest snapshot of one store that it can load."""

    __slots__ = (
        "__weakref__",
        "_closed_at",
        "_deaf",
        "_instance",
        "_max_age",
        "_memo",
        "_name_check_at",
        "_names",
        "_still",
        "_troubled",
        "_trust",
    )

    def __init__(
        self,
        names: Names,
        trust: Trust,
        max_age: float | None = None,
        numbers: str = "decimal",
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._names = names
        self._trust = trust
        self._max_age = None if max_age is None else seconds_of("max_age", max_age)
        if numbers == "decimal" and defaults is None:
            self._memo = Memo()  # and nothing more is imported
        else:
            from ddbcfg_client.objects.reading import memo_of

            self._memo = memo_of(numbers, defaults)
        self._troubled: Troubles | None = None  # of objects made from options, once there are any
        self._name_check_at = 0.0
        # For waiting: the inotify instance, which is closed when no Config refers to it, why
        # there is none, and what was loaded last before close().
        self._instance: object | None = None
        self._deaf: str | None = None
        self._closed_at: Position | None = None
        # A view watches these words instead of the page while the current generation cannot be
        # loaded.  No publisher changes them, so the hot path serves the last snapshot until it is
        # time to retry.  A thread that loads a snapshot changes them.
        self._still = words_of(bytearray(8 * (GENERATION_WORD + 1)))
        self._view: View = nothing()

    def _lookup(self, option: str) -> ReadOnlyDict:
        # As _result_of does, without a call for the reading.
        snapshot = self._checked()
        try:
            return snapshot[option]
        except (SnapshotCorrupt, SnapshotReclaimed) as error:
            return self._result_again(lambda snapshot: snapshot[option], error)

    def _result_of(self, read: Callable[[Snapshot], Result]) -> Result:
        """Return the result of ``read`` on the current snapshot."""
        snapshot = self._checked()
        try:
            return read(snapshot)
        except (SnapshotCorrupt, SnapshotReclaimed) as error:
            return self._result_again(read, error)

    def _result_again(self, read: Callable[[Snapshot], Result], error: SnapshotError) -> Result:
        """Return the result of ``read`` on a new snapshot; the one so far raised ``error``."""
        if isinstance(error, SnapshotCorrupt):
            # The program may have closed all descriptors to become a daemon: attach again.
            return read(self._anew())
        # The publisher reclaimed the memory of the snapshot that it just replaced.  If memory is
        # short, it may also reclaim the one that is loaded here before it is read.
        for _ in range(_TRIES):
            snapshot = self._anew()
            try:
                return read(snapshot)
            except SnapshotReclaimed:
                pass
        return read(snapshot)

    def _anew(self) -> Snapshot:
        """Return a newly loaded snapshot, because the one so far cannot be read any more."""
        trouble = self._view[4].trouble
        if trouble is not None:
            # The last attempt was less than a second ago, and this is the reason that it failed.
            raise type(trouble)(*trouble.args)
        return self._take_up(None, Attachment()).served

    def _page(self) -> Page | None:
        """Return the control page, which can exist before the first snapshot; None without one."""
        return self._attached_if_any().page

    def _attached_if_any(self) -> Attachment:
        """Return the attachment, which has no snapshot before the first one is published."""
        try:
            return self._attached()
        except SnapshotUnavailable:
            return self._view[4]

    def _latest(self) -> Attachment:
        """Load the current snapshot for a waiter, which does not care how old it is."""
        return self._attached()

    def _position(self) -> Position | None:
        """Return the position of the snapshot that was loaded last; None if none was."""
        return self._view[4].position() or self._closed_at

    def _checked(self) -> Snapshot:
        """Return the current snapshot; raise SnapshotTooStale if it is older than ``max_age``."""
        attachment = self._attached()
        if self._max_age is not None:
            _, _, _, until, viewed = self._view
            # Another thread may have closed this reader, or loaded a newer snapshot.
            if viewed is not attachment or monotonic() >= until:
                age = attachment.age()
                if age is None or age > self._max_age:
                    raise SnapshotTooStale(self._names.store, age, self._max_age)
        return attachment.served

    def _current(self) -> Snapshot:
        """Return the snapshot of the page's current generation; attach first if necessary."""
        return self._attached().served

    def _attached(self) -> Attachment:
        """Return the current attachment, which has a snapshot."""
        now = monotonic()
        words, generation, decoded, _, attachment = self._view
        page = attachment.page
        stays = words[GENERATION_WORD] == generation
        if now >= self._name_check_at:
            self._name_check_at = now + _NAME_CHECK
            if page is not None and page.replaced():
                page, stays = None, False
            elif attachment.trouble is not None:
                stays = False  # time to retry
            else:
                until = self._hot_until(attachment)
                self._view = words, generation, decoded, until, attachment
        if stays and attachment.snapshot is not None:
            return attachment
        return self._take_up(page, attachment)

    def _hot_until(self, attachment: Attachment) -> float:
        """Return the monotonic time until which the hot path may serve a view without a check.

        This is the time of the next check of the page's name, or the time at which the snapshot
        exceeds ``max_age`` if that is earlier: a poll that succeeds meanwhile only lowers the age.
        """
        until = self._name_check_at
        if self._max_age is None:
            return until
        now = monotonic()  # before the age, so that a pause between the two is not added to it
        age = attachment.age()
        return 0.0 if age is None else min(until, now + self._max_age - age)

    def _take_up(self, page: Page | None, attachment: Attachment) -> Attachment:
        """Attach to the page if ``page`` is None, and load its current generation.

        ``attachment`` is what is served so far.  If loading fails, its snapshot, if it has one, is
        served further.
        """
        still = self._still[GENERATION_WORD]
        reason = NO_DAEMON if page is None else _NOT_FOUND
        missing: tuple[object, int] | None = None
        for _ in range(_TRIES):
            try:
                if page is None or page.words[GENERATION_WORD] & RETIRED:
                    page = Page(self._names, self._trust)
                    self._name_check_at = monotonic() + _NAME_CHECK
            except Gone:
                break
            except _UNUSABLE as error:
                return self._stay(attachment, error, still)
            generation = page.words[GENERATION_WORD]
            if generation & RETIRED:
                continue  # retired while it was opened: its successor has the name now
            if generation == 0:
                if self._view[4].snapshot is None:
                    self._view = nothing(page)
                if attachment.snapshot is None:
                    raise _nothing_published(page)
                reason = "its daemon has published nothing yet"
                break
            try:
                segment = Segment(self._names.segment(generation), generation, self._trust)
            except Gone:
                if page.words[GENERATION_WORD] == generation:
                    # Removed but not replaced: check whether another page has the name now.
                    if missing == (page.identity, generation):
                        reason = f"the segment of generation {generation} was removed"
                        break
                    missing, page = (page.identity, generation), None
                continue
            except _UNUSABLE as error:
                if page.words[GENERATION_WORD] != generation:
                    continue  # replaced meanwhile, and perhaps about to be removed
                return self._stay(attachment, error, still)
            snapshot = Snapshot(segment, self._names.store, self._memo)
            taken_up = Attachment(page, snapshot, snapshot.read_boottime)
            until = self._name_check_at if self._max_age is None else self._hot_until(taken_up)
            view = page.words, generation, snapshot.decoded, until, taken_up
            # Before the view is set: a thread that failed earlier must not overwrite this result.
            self._still[GENERATION_WORD] = next(_take_ups)
            while True:
                seen = self._view
                before = seen[4]
                if _is_newer(before, taken_up):
                    return before  # another thread was faster and loaded a later generation
                # There is no call between these two lines, so no other thread can run there.
                if self._view is seen:
                    self._view = view
                    break
            if before.trouble is not None and before.is_first():
                log("info", f"{self!r} is current again: generation {generation}")
            return taken_up
        else:
            reason = "it changes faster than it can be read"
        if attachment.snapshot is None:
            raise SnapshotUnavailable(self._names.page, reason)
        return self._stay(attachment, SnapshotError(self._names.page, reason), still)

    def _stay(
        self, attachment: Attachment, error: SnapshotError | LayoutMismatch, still: int
    ) -> Attachment:
        """Keep serving the snapshot of ``attachment``, because loading failed with ``error``.

        Raise ``error`` if there is no snapshot.  The snapshot's age grows, ``max_age`` still
        applies, and the status has the error.  ``still`` is the word of ``_still`` before the
        attempt: if another thread loads a snapshot meanwhile, that one is served.
        """
        snapshot = attachment.snapshot
        if snapshot is None:
            raise error
        seen = self._view
        another = seen[4]
        if another is not attachment and another.snapshot is not None:
            return another
        if attachment.trouble is None and attachment.is_first():
            serving = f"it keeps serving generation {snapshot.generation} and retries"
            log("warning", f"{self!r} cannot load the current generation: {error}; {serving}")
        attachment.age()  # now: the page only knows the last two generations
        # Without its traceback, whose frames would keep the objects of the attempt alive.
        why = type(error)(*error.args)
        stays = Attachment(attachment.page, snapshot, attachment.success, why)
        self._name_check_at = monotonic() + _NAME_CHECK
        view = self._still, still, snapshot.decoded, self._hot_until(stays), stays
        # No call is between these two lines, so no other thread can run there and load a newer
        # snapshot that this would replace.
        if self._view is seen:
            self._view = view
            return stays
        another = self._view[4]
        return stays if another.snapshot is None else another


def _is_newer(attachment: Attachment, than: Attachment) -> bool:
    """Return whether ``attachment`` has a later generation of the same page."""
    page, snapshot = attachment.page, attachment.snapshot
    return (
        page is not None
        and snapshot is not None
        and than.page is not None
        and page.identity == than.page.identity
        and snapshot.generation > than.served.generation
    )


def _nothing_published(page: Page) -> SnapshotUnavailable:
    """Return the error that says why ``page`` has no generation yet."""
    # Imported here: a read that succeeds imports nothing.
    from ddbcfg_client.shm.unpublished import why_unpublished

    try:
        reason, advice = why_unpublished(page.status())
    except SnapshotCorrupt as error:
        reason, advice = error.reason, ""
    return SnapshotUnavailable(page.names.page, reason, advice=advice)
