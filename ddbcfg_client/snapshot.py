"""A snapshot: all options of one generation, each decoded when it is first read."""

from __future__ import annotations

from collections.abc import Mapping

from ddbcfg_client.errors import OptionNotFound, SnapshotCorrupt, SnapshotError
from ddbcfg_client.format.index import entries, find
from ddbcfg_client.format.numbers import Inexact
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.hotpath import HotPinned
from ddbcfg_client.readonly import ReadOnlyDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ddbcfg_client.errors import NumberInexact
    from ddbcfg_client.format.about import About
    from ddbcfg_client.format.changes import ChangeLog
    from ddbcfg_client.format.segment import SegmentBytes
    from ddbcfg_client.memo import Memo, Version

# The number of names remembered as absent, and their maximum length (DynamoDB's own limit), so that
# invented names cannot fill the memory.
_ABSENT = 1000
_LONGEST = 1024


class Snapshot(HotPinned, Mapping[str, ReadOnlyDict]):
    """A read-only mapping from option to keys that stays at one generation while it is held.

    It has the reader's defaults for the options that the store lacks.

    The cost of a lookup does not depend on the store's size: it reads one part of the index and
    the option's own bytes.  Bytes are used only after their checksum was verified.
    """

    __slots__ = ("_absent", "_memo", "_names", "_segment", "_supplied", "store")

    def __init__(self, segment: SegmentBytes, store: str, memo: Memo) -> None:
        self._segment = segment
        self._memo = memo
        self._names: tuple[str, ...] | None = None
        self._absent: set[str] = set()
        self._supplied: tuple[str, ...] | None = None
        self.store = store
        self.decoded = {}

    @property
    def generation(self) -> int:
        """The snapshot's version on this host; it grows by one with each change of content."""
        return self._segment.header.generation

    @property
    def digest(self) -> str:
        """A hash of the content in hex, the same on every host that has the same content."""
        return self._segment.header.digest.hex()

    @property
    def source(self) -> str:
        """The source: ``dynamodb``, ``disk``, ``local``, or one that a later daemon adds."""
        return self.about().source

    @property
    def revision(self) -> tuple[str, int] | None:
        """The table's own version of the store, as epoch and revision; None without one."""
        about = self.about()
        return (about.epoch, about.revision) if about.revision else None

    @property
    def read_boottime(self) -> int:
        """The time of the read from DynamoDB, in nanoseconds of the host's CLOCK_BOOTTIME."""
        return self._segment.header.read_boottime

    @property
    def read_at(self) -> float:
        """The time of the read from DynamoDB, in seconds since 1970 (UTC)."""
        return self._segment.header.read_at / 1e9

    @property
    def size(self) -> int:
        """The segment's size in bytes."""
        return self._segment.header.size

    # --- the mapping -----------------------------------------------------------------------------

    def _read(self, option: str) -> ReadOnlyDict:
        """Return the option's keys if they were not decoded yet; raise as ``[option]`` does."""
        raw = self._find(option)
        if raw is None:
            if isinstance(option, str):
                self._memo.forget(option, self.generation)
                default = self._memo.defaults.get(option)
                if default is not None:
                    return self.decoded.setdefault(plain(option), default.value)
            raise OptionNotFound(option, self.store)
        return self._decode(option, raw)

    def version(self, option: str) -> Version:
        """Return the version of the option, with what was made from it; raise OptionNotFound."""
        value = self[option]  # first: only this refuses what is not a string
        return self._memo.version(plain(option), value)

    def __contains__(self, option: object) -> bool:
        """Return whether the option exists, without decoding it."""
        if option in self.decoded or self._find(option) is not None:
            return True
        return option in self._memo.defaults

    def __len__(self) -> int:
        return self.stored + len(self._defaults())

    @property
    def stored(self) -> int:
        """The number of options in the store, without the defaults."""
        return self._segment.header.options

    def _defaults(self) -> tuple[str, ...]:
        """Return the names of the defaults that stand in for an option that the store lacks."""
        if self._supplied is None:
            self._supplied = tuple(o for o in self._memo.defaults if self._find(o) is None)
        return self._supplied

    def __iter__(self) -> Iterator[str]:
        """Iterate over the options' names in order of their UTF-8 bytes."""
        if self._names is None:
            names = [option for option, _ in self._entries()]
            if self._defaults():
                names = sorted([*names, *self._defaults()], key=str.encode)
            self._names = tuple(names)
        return iter(self._names)

    def everything(self) -> ReadOnlyDict:
        """Return every option, decoded, in order of their names."""
        options = (
            (option, self.decoded.get(option) or self._decode(option, raw))
            for option, raw in self._entries()
        )
        if not self._defaults():
            return ReadOnlyDict(options)
        found = dict(options) | {option: self[option] for option in self._defaults()}
        return ReadOnlyDict((option, found[option]) for option in self)

    # A copy is a plain dict, like the copy of an option: two objects must not own one descriptor.

    def __copy__(self) -> dict[str, ReadOnlyDict]:
        return self.everything().copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return self.everything().__deepcopy__(memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.everything().__reduce__()

    def about(self) -> About:
        """Return the description of the content: the time and the source of its read."""
        from ddbcfg_client.format.about import about_of  # here and below: few readers need this

        try:
            return about_of(self._segment)
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    def changes(self, after: int = 0) -> ChangeLog:
        """Return the names of the options that changed in the last generations after ``after``."""
        from ddbcfg_client.format.changes import changes_of

        try:
            return changes_of(self._segment, after)
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    def packed(self) -> dict[str, bytes]:
        """Verify every byte and return all options, name to packed keys; raise SnapshotCorrupt.

        For a publisher that takes over, and for tools.
        """
        from ddbcfg_client.format.verify import verified

        try:
            return verified(self._segment)
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    def verify(self) -> None:
        """Raise SnapshotCorrupt unless every byte that a reader may use is valid.

        For tools: a reader verifies only the bytes that it reads.
        """
        self.packed()

    def __repr__(self) -> str:
        # Without values, which can be secrets: a repr can end up in a log.
        return f"<Snapshot of {self.store!r}, generation {self.generation}, {len(self)} options>"

    # --- bytes to options ------------------------------------------------------------------------

    def _decode(self, option: str, raw: bytes) -> ReadOnlyDict:
        if type(option) is not str:
            option = plain(option)
        # Unchanged since it was last decoded: the same object.
        value = self._memo.recall(option, raw)
        if value is None:
            try:
                value = (self._memo.unpack or unpack_option)(raw)
            except ValueError as error:
                raise self._corrupt(str(error)) from None
            except Inexact:
                value = None
            if value is None:
                raise self._inexact(option, raw)
        # Another thread may have decoded it meanwhile; all threads get the first object.
        try:
            value = self._memo.keep(option, self.generation, raw, value, self)
        except SnapshotError:
            pass  # the damage concerns other options, not this read
        return self.decoded.setdefault(option, value)

    def _find(self, option: object) -> bytes | None:
        """Return the packed keys of ``option``; None if the store has no such option."""
        if not isinstance(option, str) or option in self._absent:
            return None
        try:
            raw = find(self._segment, option)
        except ValueError as error:
            raise self._corrupt(str(error)) from None
        if raw is None:
            # Programs often ask repeatedly for an optional option.
            if len(self._absent) >= _ABSENT:
                self._absent = set()
            if len(option) <= _LONGEST:
                self._absent.add(plain(option))
        return raw

    def _entries(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and packed keys of every option, in order of the names."""
        try:
            yield from entries(self._segment)
        except ValueError as error:
            raise self._corrupt(str(error)) from None

    def _inexact(self, option: str, raw: bytes) -> SnapshotCorrupt | NumberInexact:
        from ddbcfg_client.errors import NumberInexact
        from ddbcfg_client.format.exactness import first_inexact

        try:
            path, reason = first_inexact(option, unpack_option(raw))
        except ValueError as error:  # something else in it is damaged
            return self._corrupt(str(error))
        return NumberInexact(self.store, option, path, reason)

    def _corrupt(self, reason: str) -> SnapshotCorrupt:
        if not self._segment.is_open():
            reason = "its descriptor was closed by this program; connect after closing descriptors"
        return SnapshotCorrupt(self._segment.name, reason)


def plain(option: str) -> str:
    """Return the name as a plain str: comparing a kept name must not run a subclass's code."""
    return str.__str__(option)
