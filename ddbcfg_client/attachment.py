"""What a reader is attached to: a control page, the snapshot loaded from it, and its age.

One tuple, the *view*, holds everything a read needs: the words to watch, the loaded generation, the
options decoded so far, the time until which these suffice, and the attachment they come from.  The
tuple is replaced as a whole.  So a thread never sees parts of two generations, and there is no lock
that a fork could copy while it is held.
"""

from __future__ import annotations

from ddbcfg_client.errors import SnapshotCorrupt
from ddbcfg_client.format import NEVER
from ddbcfg_client.format.page import PAGE_SIZE, words_of
from ddbcfg_client.shm.clock import age_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.errors import LayoutMismatch, SnapshotError
    from ddbcfg_client.readonly import ReadOnlyDict
    from ddbcfg_client.shm.page import Page
    from ddbcfg_client.shm.trust import Identity
    from ddbcfg_client.snapshot import Snapshot

    # Generation and digest of a snapshot, and the page it was loaded from.
    Position = tuple[int, str, Identity | None]
    View = tuple[memoryview, int, dict[str, ReadOnlyDict], float, "Attachment"]

_NO_WORDS = words_of(bytes(PAGE_SIZE))
_NO_GENERATION = -1  # no word is negative, so the hot path never matches it


class Attachment:
    """Where a view comes from: the page it watches and the snapshot it serves.

    ``success`` is the time of the last poll, known to this reader, that left the snapshot's
    generation current (CLOCK_BOOTTIME, ns).  ``trouble`` is the error that keeps the reader from
    loading the current generation, or None.
    """

    __slots__ = ("_unsaid", "page", "snapshot", "success", "trouble")

    def __init__(
        self,
        page: Page | None = None,
        snapshot: Snapshot | None = None,
        success: int = NEVER,
        trouble: SnapshotError | LayoutMismatch | None = None,
    ) -> None:
        self.page = page
        self.snapshot = snapshot
        self.success = success
        self.trouble = trouble
        self._unsaid = [None]

    @property
    def served(self) -> Snapshot:
        """The snapshot; only for attachments that have one."""
        assert self.snapshot is not None
        return self.snapshot

    def position(self) -> Position | None:
        """Return which snapshot this is; None without one."""
        snapshot, page = self.snapshot, self.page
        if snapshot is None:
            return None
        return snapshot.generation, snapshot.digest, None if page is None else page.identity

    def is_first(self) -> bool:
        """Return True to the first caller only: one thread logs a change that several find."""
        try:
            self._unsaid.pop()  # atomic
        except IndexError:
            return False
        return True

    def age(self) -> float | None:
        """Return the age of the snapshot in seconds; None if it is not known."""
        if self.page is not None and self.snapshot is not None:
            try:
                known = self.page.status().success_of(self.snapshot.generation)
            except SnapshotCorrupt:
                known = None
            # The page does not know a generation that old.  Its last known success stays, so its
            # age grows.
            if known is not None and known != NEVER:
                self.success = known
        return age_of(self.success)


def nothing(page: Page | None = None) -> View:
    """Return the view of a reader that has no snapshot yet."""
    return _NO_WORDS, _NO_GENERATION, {}, 0.0, Attachment(page)
