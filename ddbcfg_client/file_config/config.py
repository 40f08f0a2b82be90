"""The Config over a file: the real bytes of a generation in memory, behind the same hot path."""

from __future__ import annotations

import time
from dataclasses import replace
from hashlib import blake2b
from time import monotonic
from weakref import WeakSet

from ddbcfg_client.arguments import seconds_of
from ddbcfg_client.attachment import nothing
from ddbcfg_client.config import Config
from ddbcfg_client.errors import FileUnavailable, ReloadFailed
from ddbcfg_client.file_config.attachment import FileAttachment
from ddbcfg_client.file_config.content import options_in
from ddbcfg_client.file_config.looking import SETTLED_AFTER, Unsettled, look
from ddbcfg_client.format.page import GENERATION_WORD, PageStatus, words_of
from ddbcfg_client.in_memory.generation import Generation
from ddbcfg_client.in_memory.objects import MemoryPage
from ddbcfg_client.printable import printable
from ddbcfg_client.reporting import log
from ddbcfg_client.shm.clock import boottime
from ddbcfg_client.shm.status import Status, status_of
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.waking.bell import Bell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ddbcfg_client.attachment import View
    from ddbcfg_client.file_config.looking import Look
    from ddbcfg_client.format.names import Names
    from ddbcfg_client.waking.waiter import Waiter

_LOOK_EVERY = 1.0  # seconds

# A look that fails this often because other threads were faster leaves it to them.
_TRIES = 100

# Looks in a row after which a file that never settles is taken as it is.
_UNSETTLED_LOOKS = 10

_SOURCE = "file"

_live: WeakSet[FileConfig] = WeakSet()


class FileConfig(Config):
    """The options of one store in a file, which it looks at once a second at most.

    Each object counts its own generations, from 1.
    """

    __slots__ = ("_bell", "_interval", "_overlay", "_path")

    def __init__(
        self,
        path: str,
        names: Names,
        max_age: float | None = None,
        numbers: str = "decimal",
        defaults: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Look at nothing yet; ``path`` is absolute, because a program can change its folder."""
        super().__init__(names, Trust(), max_age, numbers, defaults)
        self._path = path
        self._overlay: Mapping[str, bytes | None] = {}
        self._bell = Bell()
        _live.add(self)
        self._view = _unread(FileAttachment())
        # A look costs a thousand reads.  With a shorter max_age, more looks are needed to keep it.
        self._interval = _LOOK_EVERY if self._max_age is None else min(_LOOK_EVERY, self._max_age)

    # --- following the file; PageFollower says how threads replace the view without a lock --------

    def _attached(self) -> FileAttachment:
        attachment = self._served_so_far()
        if attachment.snapshot is not None and monotonic() < self._name_check_at:
            return attachment
        return self._look(wait=attachment.snapshot is None)

    def _served_so_far(self) -> FileAttachment:
        attachment = self._view[4]
        assert isinstance(attachment, FileAttachment)
        return attachment

    def _look(self, *, wait: bool) -> FileAttachment:
        """Look at the file, and return what is served from now on; raise if it is nothing.

        With ``wait``, wait for a file that is being written.
        """
        for _ in range(_TRIES):
            view = self._view
            # First, so that other threads do not look too, but use what is served.
            self._name_check_at = monotonic() + self._interval
            before = self._served_so_far()
            after = self._looked(before)
            if after.snapshot is None and after.trouble is not None:
                raise type(after.trouble)(*after.trouble.args)
            new = self._view_of(after, view)
            # No call is between these two lines, so no other thread can run there.
            if self._view is view:
                self._view = new
            else:
                continue
            if not after.unsettled:
                self._report(before, after)
                return after
            if not wait:
                self._name_check_at = monotonic() + min(SETTLED_AFTER, self._interval)
                return after
            time.sleep(SETTLED_AFTER)
        attachment = self._served_so_far()
        if attachment.snapshot is None:
            raise FileUnavailable(self._path, "it changes faster than it can be read")
        return attachment

    def _view_of(self, attachment: FileAttachment, view: View) -> View:
        """Return the view of ``attachment``; ``view`` is the one so far."""
        snapshot = attachment.snapshot
        if snapshot is None:
            return _unread(attachment)
        words, generation, decoded, _, before = view
        if snapshot is not before.snapshot:
            # The reader's own words, which never change: the hot path serves until the next look.
            generation, decoded = snapshot.generation, snapshot.decoded
            words = words_of(bytearray(8 * (GENERATION_WORD + 1)))
            words[GENERATION_WORD] = generation
        return words, generation, decoded, self._hot_until(attachment), attachment

    def _looked(self, before: FileAttachment) -> FileAttachment:
        """Look at the file; return the attachment that follows ``before``."""
        known = before.signature if before.sure else None
        looks = before.looks + 1
        try:
            found = look(self._path, known, settled=before.unsettled < _UNSETTLED_LOOKS)
        except Unsettled:
            return before.but(looks=looks, unsettled=before.unsettled + 1)
        except FileUnavailable as error:
            failed = before.but(signature=None, digest=b"", sure=False)
            return _failed(failed, looks, error)
        if found is not None:
            digest = blake2b(found.data).digest()
            same = digest == before.digest
            before = before.but(signature=found.signature, sure=found.sure, digest=digest)
            if not same:
                return self._read(before, looks, found)
        if isinstance(before.trouble, FileUnavailable):
            return _failed(before, looks, before.trouble)  # unchanged, so it still has the error
        return _fine(before, looks)

    def _read(self, before: FileAttachment, looks: int, found: Look) -> FileAttachment:
        """Return the attachment with the content that was ``found``, or with its error."""
        try:
            options = options_in(self._path, found.data, self._names.store)
        except FileUnavailable as error:
            return _failed(before, looks, error)
        return _fine(self._with(before, options), looks)

    def _with(self, before: FileAttachment, read: dict[str, bytes]) -> FileAttachment:
        """Return the attachment that serves what was ``read`` from the file."""
        options = overlaid(read, self._overlay)
        last = before.generation
        generation = Generation.first(options) if last is None else last.then(options)
        snapshot = before.snapshot
        if snapshot is None or generation is not last:
            snapshot = generation.snapshot(self._names, self._memo, _SOURCE)
        return before.but(generation=generation, snapshot=snapshot, options=read)

    def _report(self, before: FileAttachment, after: FileAttachment) -> None:
        """Log a file that cannot be used any more, once for each reason, and one that can again."""
        if after.trouble is None:
            if before.trouble is not None:
                again = f"{self!r} follows the file again: generation {after.served.generation}"
                log("info", printable(again))
        elif before.trouble is None or str(before.trouble) != str(after.trouble):
            serving = f"it keeps serving generation {after.served.generation}"
            log("warning", printable(f"{self!r} cannot use the file: {after.trouble}; {serving}"))

    # --- what differs from shared memory ----------------------------------------------------------

    def reload(self, timeout: float = 5.0, *, accept: bool = False, full: bool = False) -> None:
        """Look at the file now; raise ReloadFailed if it cannot be used.  There are no guards."""
        seconds_of("timeout", timeout)
        try:
            trouble = self._look(wait=True).trouble
        except FileUnavailable as error:
            trouble = error
        if trouble is not None:
            raise ReloadFailed(self.store, str(trouble)) from None

    def status(self) -> Status:
        """Return the status: the source is ``file``, and there is no daemon."""
        attachment = self._attached()
        page_status = PageStatus(
            interval=round(self._interval * 1e9),
            source=_SOURCE,
            polls=attachment.looks,
            failures=attachment.failures,
            success_unix=attachment.success_unix,
            error="" if attachment.trouble is None else str(attachment.trouble),
        )
        page = MemoryPage(self._names, attachment.served.generation, page_status)
        status = status_of(page, attachment.snapshot, attachment.age(), None)
        status = replace(status, daemon="none", daemon_pid=None, file=self._path)
        return status if self._troubled is None else self._troubled.added_to(status)

    def _waiter(self) -> Waiter:
        from ddbcfg_client.waking.waiter import Waiter

        return Waiter(self, self._bell, max(self._interval, SETTLED_AFTER))

    def lay_over(self, overlay: Mapping[str, bytes | None]) -> None:
        """Serve packed options in place of the file's, or without them; for tests."""
        if overlay == self._overlay:
            return
        self._overlay = overlay
        while True:
            view = self._view
            before = self._served_so_far()
            if before.options is None:
                # There is nothing to lay it over until the next look.  One that has begun repeats.
                new: View = (*view[:4], before)
            else:
                # Not by reading the file, which may be broken or gone since.
                new = self._view_of(self._with(before, before.options), view)
            if self._view is view:
                self._view = new
                break
        self._bell.ring()

    def close(self) -> None:
        """Release the options.  The next read looks at the file again."""
        self._closed_at = self._position()
        while True:
            view = self._view
            before = view[4]
            assert isinstance(before, FileAttachment)
            new = _unread(FileAttachment(before.generation, looks=before.looks))
            # Not over a newer view: its generation's number would be given to other content.
            if self._view is view:
                self._view = new
                return

    def __reduce__(self) -> tuple[Any, ...]:
        from ddbcfg_client.copies import rebuilt
        from ddbcfg_client.objects.reading import defaults_of, numbers_of

        own = self._path, self._names, self._max_age, numbers_of(self._memo)
        arguments = type(self), FileConfig, *own, defaults_of(self._memo)
        return rebuilt, arguments, self.__getstate__()

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        from ddbcfg_client.copies import own_attributes

        return own_attributes(self, FileConfig)

    def __repr__(self) -> str:
        return f"<ddbcfg Config {self._names.namespace}/{self._names.store} of {self._path}>"


def live_configs() -> list[FileConfig]:
    """Return the objects of this process; for tests."""
    return list(_live)


def overlaid(options: dict[str, bytes], overlay: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Return packed options with some replaced, or removed by None."""
    every = {**options, **overlay}
    return {name: packed for name, packed in every.items() if packed is not None}


def _unread(attachment: FileAttachment) -> View:
    """Return the view of a reader that has no snapshot yet."""
    words, generation, decoded, until, _ = nothing()
    return words, generation, decoded, until, attachment


def _fine(attachment: FileAttachment, looks: int) -> FileAttachment:
    return attachment.but(
        trouble=None,
        failures=0,
        unsettled=0,
        looks=looks,
        success=boottime(),
        success_unix=time.time_ns(),
    )


def _failed(attachment: FileAttachment, looks: int, error: FileUnavailable) -> FileAttachment:
    # Without its traceback, whose frames would keep the objects of the look alive.
    error = type(error)(*error.args)
    return attachment.but(trouble=error, failures=attachment.failures + 1, unsettled=0, looks=looks)
