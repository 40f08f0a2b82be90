"""Following the control page: taking up each generation, and going on when that fails.

If two threads take up two generations at once and the older one comes last, the next read sees that
the page says otherwise and takes up the newer one again.
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
    from collections.abc import Callable
    from typing import TypeVar

    from ddbcfg_client.attachment import View
    from ddbcfg_client.format.names import Names

    Answer = TypeVar("Answer")

# The page says when it was replaced, unless its daemon was killed before somebody removed it.  So a
# reader looks at the page's name every second, which takes a look at the clock at every read.  To
# count reads instead would be no faster, and leave who reads now and then with the old page.  What
# could not be taken up is tried again as often, and no more: a try costs a thousand reads.
_NAME_CHECK = 1.0

# A segment that is gone was replaced by a newer one.  More tries are needed only if segments are
# being removed, or replaced faster than they can be opened.
_TRIES = 100

NO_DAEMON = "no daemon has published it on this host"
_NOT_FOUND = "it was removed, or this process has another /dev/shm by now (after a chroot, say)"

# What is published cannot be read: damaged, not to be trusted, not permitted, of a daemon that was
# upgraded first.  A reader that has a snapshot keeps serving it, and its age grows.
_UNUSABLE = (SnapshotError, LayoutMismatch)

_take_ups = count(1)  # a number for each snapshot that is taken up in this process


class PageFollower(Hot):
    """Serves the newest snapshot of one store that it can take up from the store's page."""

    __slots__ = (
        "__weakref__",
        "_max_age",
        "_memo",
        "_name_check_at",
        "_names",
        "_still",
        "_trust",
    )

    def __init__(self, names: Names, trust: Trust, max_age: float | None = None) -> None:
        self._names = names
        self._trust = trust
        self._max_age = None if max_age is None else seconds_of("max_age", max_age)
        self._memo = Memo()
        self._name_check_at = 0.0
        # What a view watches instead of the page while what is current cannot be taken up: no
        # publisher changes these words, so the hot path answers from what the reader has until it
        # is time to try again.  Whatever thread takes up a snapshot changes them.
        self._still = words_of(bytearray(8 * (GENERATION_WORD + 1)))
        self._view: View = nothing()

    def _answer(self, read: Callable[[Snapshot], Answer]) -> Answer:
        """What *read* finds in the current snapshot."""
        snapshot = self._checked()
        try:
            return read(snapshot)
        except SnapshotCorrupt:
            # The program may have closed its descriptors to become a daemon: attach anew.
            return read(self._anew())
        except SnapshotReclaimed:
            pass
        # The publisher took back the memory of what has just been replaced; under pressure perhaps
        # also that of what is taken up here, before it is read.
        for _ in range(_TRIES):
            snapshot = self._anew()
            try:
                return read(snapshot)
            except SnapshotReclaimed:
                pass
        return read(snapshot)

    def _anew(self) -> Snapshot:
        """Return what is current, since the snapshot so far cannot be read any more."""
        trouble = self._view[4].trouble
        if trouble is not None:
            # Tried within the last second, and the reason is why nothing can be read.
            raise type(trouble)(*trouble.args)
        return self._take_up(None, Attachment()).served

    def _page(self) -> Page | None:
        """The control page, which may be there before the first snapshot; None when it is not."""
        return self._attached_if_any().page

    def _attached_if_any(self) -> Attachment:
        """What :meth:`_attached` returns, or what there is before the first snapshot."""
        try:
            return self._attached()
        except SnapshotUnavailable:
            return self._view[4]

    def _checked(self) -> Snapshot:
        """The current snapshot, if it is young enough."""
        attachment = self._attached()
        if self._max_age is not None:
            _, _, _, until, viewed = self._view
            # Another thread may have closed this, or taken up something younger.
            if viewed is not attachment or monotonic() >= until:
                age = attachment.age()
                if age is None or age > self._max_age:
                    raise SnapshotTooStale(self._names.store, age, self._max_age)
        return attachment.served

    def _current(self) -> Snapshot:
        """The snapshot of the generation that the page says, attaching as need be."""
        return self._attached().served

    def _attached(self) -> Attachment:
        """What :meth:`_current` is from; its snapshot is there."""
        now = monotonic()
        words, generation, decoded, _, attachment = self._view
        page = attachment.page
        stays = words[GENERATION_WORD] == generation
        if now >= self._name_check_at:
            self._name_check_at = now + _NAME_CHECK
            if page is not None and page.replaced():
                page, stays = None, False
            elif attachment.trouble is not None:
                stays = False  # time to try again
            else:
                until = self._hot_until(attachment)
                self._view = words, generation, decoded, until, attachment
        if stays and attachment.snapshot is not None:
            return attachment
        return self._take_up(page, attachment)

    def _hot_until(self, attachment: Attachment) -> float:
        """Until when, on the monotonic clock, a view may answer by itself.

        Until the page's name is looked at again, or what is served now is past ``max_age``: a
        poll that succeeds meanwhile only makes it younger.
        """
        until = self._name_check_at
        if self._max_age is None:
            return until
        age = attachment.age()
        return 0.0 if age is None else min(until, monotonic() + self._max_age - age)

    def _take_up(self, page: Page | None, attachment: Attachment) -> Attachment:
        """Attach to the page if there is none, and open what it says is current.

        *attachment* is what is served so far.  Whatever stands in the way, a snapshot that was
        taken up before goes on being served.
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
                continue  # retired while it was opened: its successor has the name by now
            if generation == 0:
                if self._view[4].snapshot is None:
                    self._view = nothing(page)
                reason = _why_nothing(page)
                break
            try:
                segment = Segment(self._names.segment(generation), generation, self._trust)
            except Gone:
                if page.words[GENERATION_WORD] == generation:
                    # Removed but not replaced: has another page the name by now?
                    if missing == (page.identity, generation):
                        reason = f"the segment of generation {generation} was removed"
                        break
                    missing, page = (page.identity, generation), None
                continue
            except _UNUSABLE as error:
                if page.words[GENERATION_WORD] != generation:
                    continue  # replaced meanwhile, and perhaps being removed
                return self._stay(attachment, error, still)
            snapshot = Snapshot(segment, self._names.store, self._memo)
            taken_up = Attachment(page, snapshot, snapshot.read_boottime)
            until = self._hot_until(taken_up)
            before = self._view[4]
            # First: a thread that failed, and is late to say so, must not go back behind this.
            self._still[GENERATION_WORD] = next(_take_ups)
            self._view = page.words, generation, snapshot.decoded, until, taken_up
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
        """Go on with the snapshot of *attachment*, since *error* keeps what is current away.

        Raises *error* if there is none.  Its age grows, ``max_age`` counts, status says why.
        *still* is the word of ``_still`` from before the attempt: if another thread takes up a
        snapshot meanwhile, that counts.
        """
        snapshot = attachment.snapshot
        if snapshot is None:
            raise error
        another = self._view[4]
        if another is not attachment and another.snapshot is not None:
            return another
        if attachment.trouble is None and attachment.is_first():
            serving = f"it goes on serving generation {snapshot.generation}, and tries again"
            log("warning", f"{self!r} cannot take up what is current: {error}; {serving}")
        attachment.age()  # now, for the page forgets the generations before the last two
        # Kept without its frames, which would keep what was tried.
        why = type(error)(*error.args)
        stays = Attachment(attachment.page, snapshot, attachment.success, why)
        self._name_check_at = monotonic() + _NAME_CHECK
        self._view = self._still, still, snapshot.decoded, self._hot_until(stays), stays
        return stays


def _why_nothing(page: Page) -> str:
    """Why *page* has no generation yet."""
    try:
        status = page.status()
    except SnapshotCorrupt as error:
        return error.reason
    if status.error:
        return f"its daemon could not read DynamoDB yet ({status.error})"
    if status.daemon_pid == 0:
        return "its daemon stopped before it had read DynamoDB"
    return "its daemon is running but has not read DynamoDB yet"
