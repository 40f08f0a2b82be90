"""Decoded options, kept from one generation to the next: what did not change stays one object."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from ddbcfg_client.readonly import ReadOnlyDict

_FEW = 64  # names below which nothing is looked for that could go
_CHECKED = 2  # names looked at for each one that is new, while there are too many


class Memo:
    """What a reader decoded, by name: bounded by what it reads and what is still there.

    A name that the store no longer has cannot be noticed when it goes, for that would cost a look
    at each name.  So whenever the memo has doubled, each new name pays for a look at two old ones.
    At most twice the names that are read and live are kept, and some more, at a flat price.
    """

    __slots__ = ("_checking", "_kept", "_limit")

    def __init__(self) -> None:
        # For each option: the newest generation it was read in, its bytes, what they became.
        self._kept: dict[str, tuple[int, bytes, ReadOnlyDict]] = {}
        self._checking: list[str] = []  # names still to be looked at
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
        elif len(self._kept) >= self._limit:
            self._tidy(live, generation)
        self._kept[option] = generation, raw, value

    def forget(self, option: str, generation: int) -> None:
        """Let go of an option that *generation* does not have, unless a newer one had it."""
        known = self._kept.get(option)
        if known is not None and known[0] <= generation:
            self._kept.pop(option, None)

    def _tidy(self, live: Container[str], generation: int) -> None:
        if not self._checking:
            self._checking = list(self._kept)
        for name in self._checking[-_CHECKED:]:
            if name not in live:
                self.forget(name, generation)
        # Replaced, not changed: two threads can be at it, and then look at some names twice.
        self._checking = self._checking[:-_CHECKED]
        if not self._checking:
            self._limit = 2 * len(self._kept) + _FEW
