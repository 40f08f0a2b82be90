"""Decoded options, kept across generations: an option that did not change stays the same object.

What a program makes from an option is kept with it, so it lives exactly as long.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import Any

    from ddbcfg_client.readonly import ReadOnlyDict

    Unpack = Callable[[bytes], ReadOnlyDict]

_FEW = 64  # with fewer names than this, no cleanup is done
# Old names that are checked for each new one, while there are too many.  With 2, a store whose
# names are all new in each generation would add names as fast as old ones are removed.
_CHECKED = 4


class Version:
    """One version of an option: its packed keys and the decoded value.

    ``generation`` is the newest generation that it was read in.  ``made`` has the objects that were
    made from the value, by what made them; None until there are any.
    """

    __slots__ = ("generation", "made", "raw", "value")

    def __init__(self, generation: int, raw: bytes, value: ReadOnlyDict) -> None:
        self.generation = generation
        self.raw = raw
        self.value = value
        self.made: dict[Any, Any] | None = None


class Memo:
    """The options that a reader decoded, by name.

    ``unpack`` decodes an option; None stands for Decimal numbers.  ``defaults`` has the options
    that the reader supplies if the store has none of their name.

    Its size is bounded.  To notice at once that the store lost a name would mean to check every
    name.  So whenever the memo has doubled, each new name makes it check four old ones, until all
    are checked.  It keeps at most about four times as many names as are read and still exist, and
    the cost of a read stays constant.
    """

    __slots__ = ("_kept", "_limit", "_round", "defaults", "unpack")

    def __init__(
        self, unpack: Unpack | None = None, defaults: Mapping[str, Version] | None = None
    ) -> None:
        self.unpack = unpack
        self.defaults = defaults or {}
        self._kept: dict[str, Version] = {}
        self._round: tuple[list[str], int] = [], 0  # names to check; memo size at the start
        self._limit = _FEW

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, option: str, raw: bytes) -> ReadOnlyDict | None:
        """Return the value decoded earlier from ``raw``, the option's packed keys, or None."""
        known = self._kept.get(option)
        return known.value if known is not None and known.raw == raw else None

    def version(self, option: str, value: ReadOnlyDict) -> Version:
        """Return the version that ``value`` was decoded from; a new one if it is not kept."""
        for known in (self._kept.get(option), self.defaults.get(option)):
            if known is not None and known.value is value:
                return known
        return Version(0, b"", value)  # of a generation that this reader has left behind

    def keep(
        self, option: str, generation: int, raw: bytes, value: ReadOnlyDict, live: Container[str]
    ) -> ReadOnlyDict:
        """Keep ``value`` unless a newer generation's is known; ``live`` has this one's names.

        Return the value to use: all threads get the same one for the same bytes, also if they
        loaded a generation at the same time.
        """
        known = self._kept.get(option)
        if known is None and (self._round[0] or len(self._kept) >= self._limit):
            self._tidy(live, generation)
        fresh = Version(generation, raw, value)
        while True:
            known = self._kept.setdefault(option, fresh)  # atomic
            if known.raw == raw:
                known.generation = max(known.generation, generation)
                return known.value
            if known.generation > generation:  # read from a pinned, older snapshot
                return value
            # No call is in the next two lines, so no other thread can run there.
            try:
                if self._kept[option] is known:
                    self._kept[option] = fresh
            except KeyError:
                pass  # another thread found that a newer generation does not have it

    def forget(self, option: str, generation: int) -> None:
        """Remove an option that ``generation`` does not have, unless a newer one had it."""
        known = self._kept.get(option)
        if known is not None and known.generation <= generation:
            self._kept.pop(option, None)

    def _tidy(self, live: Container[str], generation: int) -> None:
        names, start = self._round
        if start >= len(names):
            names, start = list(self._kept), 0
        stop = start + _CHECKED
        # Replaced as a whole: two threads can run this, and then check some names twice.
        self._round = names, stop
        for name in names[start:stop]:
            if name not in live:
                self.forget(name, generation)
        if stop >= len(names):
            self._round = [], 0
            self._limit = 2 * len(self._kept) + _FEW
