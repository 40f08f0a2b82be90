"""Decoded options, kept across generations: an option that did not change stays the same object."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from ddbcfg_client.readonly import ReadOnlyDict

_FEW = 64  # with fewer names than this, no cleanup is done
# Old names that are checked for each new one, while there are too many.  With 2, a store whose
# names are all new in each generation would add names as fast as old ones are removed.
_CHECKED = 4


class Memo:
    """The options that a reader decoded, by name.

    Its size is bounded.  To notice at once that the store lost a name would mean to check every
    name.  So whenever the memo has doubled, each new name makes it check four old ones, until all
    are checked.  It keeps at most about four times as many names as are read and still exist, and
    the cost of a read stays constant.
    """

    __slots__ = ("_kept", "_limit", "_round")

    def __init__(self) -> None:
        # For each option: the newest generation it was read in, its bytes, the decoded value.
        self._kept: dict[str, tuple[int, bytes, ReadOnlyDict]] = {}
        self._round: tuple[list[str], int] = [], 0  # names to check; memo size at the start
        self._limit = _FEW

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, option: str, raw: bytes) -> ReadOnlyDict | None:
        """Return the value decoded earlier from ``raw``, the option's packed keys, or None."""
        known = self._kept.get(option)
        return known[2] if known is not None and known[1] == raw else None

    def keep(
        self, option: str, generation: int, raw: bytes, value: ReadOnlyDict, live: Container[str]
    ) -> None:
        """Keep ``value`` unless a newer generation's is known; ``live`` has this one's names."""
        known = self._kept.get(option)
        if known is not None:
            if known[0] > generation:  # read from a pinned, older snapshot
                return
        elif self._round[0] or len(self._kept) >= self._limit:
            self._tidy(live, generation)
        self._kept[option] = generation, raw, value

    def forget(self, option: str, generation: int) -> None:
        """Remove an option that ``generation`` does not have, unless a newer one had it."""
        known = self._kept.get(option)
        if known is not None and known[0] <= generation:
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
