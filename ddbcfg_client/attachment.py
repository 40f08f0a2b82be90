"""What a reader is attached to: a control page, the snapshot taken up from it, and how old that is.

One tuple, the *view*, holds all that a read needs: the words to watch, the generation that was
taken up, the options decoded so far, until when to go by these alone, and where they came from.  It
is replaced whole, so a thread that reads it never sees parts of two generations, and there is no
lock for a fork to catch held.
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
    from ddbcfg_client.snapshot import Snapshot

    View = tuple[memoryview, int, dict[str, ReadOnlyDict], float, "Attachment"]

_NO_WORDS = words_of(bytes(PAGE_SIZE))
_NO_GENERATION = -1  # no word is negative, so the hot path never takes it


class Attachment:
    """Where a view came from: the page it watches and the snapshot it answers from.

    ``success`` is when the daemon last read the table and left the snapshot's generation current,
    as far as this reader knows (CLOCK_BOOTTIME, ns).  ``trouble`` is why it cannot take up what is
    current; None while it can.
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
        """The snapshot, where there has to be one."""
        assert self.snapshot is not None
        return self.snapshot

    def is_first(self) -> bool:
        """Return True once: of the threads that find a change here, one is to log it."""
        try:
            self._unsaid.pop()  # one operation, which no other thread can come between
        except IndexError:
            return False
        return True

    def age(self) -> float | None:
        """Return the age of the snapshot in seconds; None when it is not known."""
        if self.page is not None and self.snapshot is not None:
            try:
                known = self.page.status().success_of(self.snapshot.generation)
            except SnapshotCorrupt:
                known = None
            # A generation older than the page knows: it stays at what was known last, and so ages.
            if known is not None and known != NEVER:
                self.success = known
        return age_of(self.success)


def nothing(page: Page | None = None) -> View:
    """The view of a reader that has no snapshot yet."""
    return _NO_WORDS, _NO_GENERATION, {}, 0.0, Attachment(page)
