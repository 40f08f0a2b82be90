"""The reader: a store's options at about the cost of a dict lookup.

One tuple, ``_view``, holds all that a read needs: the mapped words of the control page, the
generation that was taken up from it, the options decoded so far, until when to go by these alone,
and where they came from.  It is replaced whole, so a thread that reads it never sees parts of two
generations, and there is no lock for a fork to catch held.  If two threads take up two generations
at once and the older one comes last, the next read sees that the page says otherwise and takes up
the newer one again.
"""

from __future__ import annotations

from itertools import count
from time import monotonic

from ddbcfg_client.errors import (
    LayoutMismatch,
    OptionAttributeError,
    OptionNotFound,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotReclaimed,
    SnapshotTooStale,
    SnapshotUnavailable,
)
from ddbcfg_client.format import NEVER
from ddbcfg_client.format.page import GENERATION_WORD, PAGE_SIZE, RETIRED
from ddbcfg_client.hotpath import Hot
from ddbcfg_client.hotpath.hot import RAISE
from ddbcfg_client.keys import key_names
from ddbcfg_client.memo import Memo
from ddbcfg_client.readonly import ReadOnlyDict, only
from ddbcfg_client.reporting import log
from ddbcfg_client.seconds import seconds_of
from ddbcfg_client.shm.clock import age_of
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.trust import Gone, Trust
from ddbcfg_client.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    from ddbcfg_client.format.names import Names
    from ddbcfg_client.shm.status import Status

    Answer = TypeVar("Answer")
    View = tuple[memoryview, int, dict[str, ReadOnlyDict], float, "Attachment"]

# The page says when it was replaced, unless its daemon was killed before somebody removed it.  So a
# reader looks at the page's name every second, which takes a look at the clock at every read.  To
# count reads instead would be no faster, and leave who reads now and then with the old page.  What
# could not be taken up is tried again as often, and no more: a try costs a thousand reads.
_NAME_CHECK = 1.0

# A segment that is gone was replaced by a newer one.  More tries are needed only if segments are
# being removed, or replaced faster than they can be opened.
_TRIES = 100

_NO_DAEMON = "no daemon has published it on this host"
_NOT_FOUND = "it was removed, or this process has another /dev/shm by now (after a chroot, say)"

# What is published cannot be read: damaged, not to be trusted, not permitted, of a daemon that was
# upgraded first.  A reader that has a snapshot keeps serving it, and its age grows.
_UNUSABLE = (SnapshotError, LayoutMismatch)

_NO_WORDS = memoryview(bytes(PAGE_SIZE)).cast("Q")
_NO_GENERATION = -1  # no word is negative, so the hot path never takes it
_take_ups = count(1)  # a number for each snapshot that is taken up in this process


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


def _nothing(page: Page | None = None) -> View:
    """The view of a reader that has no snapshot yet."""
    return _NO_WORDS, _NO_GENERATION, {}, 0.0, Attachment(page)


class Config(Hot):
    """The options of one store, as this host's daemon last published them.

    Made by :func:`ddbcfg_client.connect`.  Safe to share between threads and greenlets, and to keep
    across a fork.  What a read returns is shared by the whole process and read-only.
    """

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
        self._still = memoryview(bytearray(8 * (GENERATION_WORD + 1))).cast("Q")
        self._view: View = _nothing()

    # --- reading; get() and [] are Hot's, which asks here what it does not know -------------------

    def _missing(self, option: str) -> ReadOnlyDict:
        # An attribute of our own that is not set yet must not be looked for with its help.  get()
        # and [] find every option.
        if option.startswith("_"):
            raise AttributeError(option)
        try:
            return self._lookup(option)
        except OptionNotFound:
            raise OptionAttributeError(option, self._names.store) from None

    def _get(
        self, option: str | None = None, default: Any = RAISE, keys: Iterable[str] | None = None
    ) -> Any:
        wanted = None if keys is None else key_names(keys)
        if option is None:
            everything = self._answer(lambda snapshot: snapshot.everything())
            if wanted is None:
                return everything
            return ReadOnlyDict((name, only(everything[name], wanted)) for name in everything)
        try:
            found = self._lookup(option)
        except OptionNotFound:
            if default is RAISE:
                raise
            return default
        return only(found, wanted)

    def _lookup(self, option: str) -> ReadOnlyDict:
        return self._answer(lambda snapshot: snapshot[option])

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
        return self._take_up(None, Attachment())

    def __contains__(self, option: object) -> bool:
        return self._answer(lambda snapshot: option in snapshot)

    def __len__(self) -> int:
        return len(self._checked())

    def __iter__(self) -> Iterator[str]:
        return self._answer(iter)

    def snapshot(self) -> Snapshot:
        """The current snapshot: a read-only mapping that stays this generation while it is held."""
        return self._checked()

    @property
    def generation(self) -> int:
        """The current generation."""
        return self._current().generation

    @property
    def digest(self) -> str:
        """A hash of the current content in hex, the same on every host with the same content."""
        return self._current().digest

    @property
    def age(self) -> float | None:
        """Seconds since the daemon last read the table and left what this serves current.

        None when that is not known.
        """
        self._current()
        return self._view[4].age()

    @property
    def store(self) -> str:
        """The store's name."""
        return self._names.store

    @property
    def namespace(self) -> str:
        """The namespace: the table's name, unless the daemon was given another."""
        return self._names.namespace

    def status(self) -> Status:
        """Everything there is to know about this store on this host; reading does not need it."""
        from ddbcfg_client.shm.status import status_of

        page = self._control_page()
        if page is None:
            raise SnapshotUnavailable(self._names.page, _NO_DAEMON)
        return status_of(page, self._view[4])

    def _control_page(self) -> Page | None:
        """The control page, which may be there before the first snapshot; None when it is not."""
        try:
            self._current()
        except SnapshotUnavailable:
            pass
        return self._view[4].page

    def reload(self, timeout: float = 5.0, *, accept: bool = False) -> None:
        """Ask the daemon to poll now, and return when it has; raises ReloadFailed.

        With *accept*, which is for the daemon's user and root, even what its guards refuse counts.
        """
        from ddbcfg_client.shm.reload import reload

        reload(self, seconds_of("timeout", timeout), accept)

    def close(self) -> None:
        """Let go of shared memory.  The next read attaches again."""
        self._view = _nothing()

    def __enter__(self) -> Config:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        # A process that gets one by pickle (multiprocessing's spawn) attaches by itself.
        from ddbcfg_client.copies import rebuilt

        arguments = type(self), Config, self._names, self._trust, self._max_age
        return rebuilt, arguments, self.__getstate__()

    def __getstate__(self) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        from ddbcfg_client.copies import own_attributes

        return own_attributes(self, Config)

    def __repr__(self) -> str:
        return f"<ddbcfg Config {self._names.namespace}/{self._names.store}>"

    # --- following the page ----------------------------------------------------------------------

    def _checked(self) -> Snapshot:
        """The current snapshot, if it is young enough."""
        snapshot = self._current()
        if self._max_age is not None and monotonic() >= self._view[3]:
            age = self.age
            if age is None or age > self._max_age:
                raise SnapshotTooStale(self._names.store, age, self._max_age)
        return snapshot

    def _current(self) -> Snapshot:
        """The snapshot of the generation that the page says, attaching as need be."""
        now = monotonic()
        words, generation, decoded, _, attachment = self._view
        page, snapshot = attachment.page, attachment.snapshot
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
        if stays and snapshot is not None:
            return snapshot
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

    def _take_up(self, page: Page | None, attachment: Attachment) -> Snapshot:
        """Attach to the page if there is none, and open what it says is current.

        *attachment* is what is served so far.  Whatever stands in the way, a snapshot that was
        taken up before goes on being served.
        """
        still = self._still[GENERATION_WORD]
        reason = _NO_DAEMON if page is None else _NOT_FOUND
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
                if attachment.snapshot is None:
                    self._view = _nothing(page)
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
            return snapshot
        else:
            reason = "it changes faster than it can be read"
        if attachment.snapshot is None:
            raise SnapshotUnavailable(self._names.page, reason)
        return self._stay(attachment, SnapshotError(self._names.page, reason), still)

    def _stay(
        self, attachment: Attachment, error: SnapshotError | LayoutMismatch, still: int
    ) -> Snapshot:
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
            return another.snapshot
        if attachment.trouble is None and attachment.is_first():
            serving = f"it goes on serving generation {snapshot.generation}, and tries again"
            log("warning", f"{self!r} cannot take up what is current: {error}; {serving}")
        attachment.age()  # now, for the page forgets the generations before the last two
        # Kept without its frames, which would keep what was tried.
        why = type(error)(*error.args)
        stays = Attachment(attachment.page, snapshot, attachment.success, why)
        self._name_check_at = monotonic() + _NAME_CHECK
        self._view = self._still, still, snapshot.decoded, self._hot_until(stays), stays
        return snapshot


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
