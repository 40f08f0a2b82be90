"""Decoded options, kept from one generation to the next: what did not change stays one object."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from ddbcfg_client.readonly import ReadOnlyDict

_FEW = 64  # names below which nothing is looked for that could go
# Names looked at for each one that is new, while there are too many.  With 2, a store in which all
# names are new at each generation would bring in new ones as fast as old ones are found to be gone.
_CHECKED = 4


class Memo:
    """What a reader decoded, by name: bounded by what it reads and what is still there.

    A name that the store no longer has cannot be noticed when it goes, for that would cost a look
    at each name.  So whenever the memo has doubled, each new name pays for a look at four old ones,
    until all have been looked at.  At most four times the names that are read and live are kept,
    and some more, at a flat price.
    """

    __slots__ = ("_kept", "_limit", "_round")

    def __init__(self) -> None:
        # For each option: the newest generation it was read in, its bytes, what they became.
        self._kept: dict[str, tuple[int, bytes, ReadOnlyDict]] = {}
        self._round: tuple[list[str], int] = [], 0  # names to look at, and how many were
        self._limit = _FEW

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, option: str, raw: bytes) -> ReadOnlyDict | None:
        """Return what *raw*, the packed keys of *option*, became; None when that is not known."""
        known = self._kept.get(option)
        return known[2] if known is not None and known[1] == raw else None

    def keep(
        self, option: str, generation: int, raw: bytes, value: ReadOnlyDict, live: Container[str]
    ) -> None:
        """Keep *value*, unless a newer generation's is known; *live* has this one's names."""
        known = self._kept.get(option)
        if known is not None:
            if known[0] > generation:  # read from a pinned, older snapshot
                return
        elif self._round[0] or len(self._kept) >= self._limit:
            self._tidy(live, generation)
        self._kept[option] = generation, raw, value

    def forget(self, option: str, generation: int) -> None:
        """Let go of an option that *generation* does not have, unless a newer one had it."""
        known = self._kept.get(option)
        if known is not None and known[0] <= generation:
            self._kept.pop(option, None)

    def _tidy(self, live: Container[str], generation: int) -> None:
        names, start = self._round
        if start >= len(names):
            names, start = list(self._kept), 0
        stop = start + _CHECKED
        # Replaced whole: two threads can be at it, and then look at some names twice.
        self._round = names, stop
        for name in names[start:stop]:
            if name not in live:
                self.forget(name, generation)
        if stop >= len(names):
            self._round = [], 0
            self._limit = 2 * len(self._kept) + _FEW
