"""The merge that readers see, which is not the last one while newer content is held or pinned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ddbcfg_client.format.layering import Layering


class ShownMerge:
    """Which merge is published, and which layers were read since a guard last counted a poll.

    ``last`` is the last merge, None if there is none.  ``now`` is the one that readers see, None if
    it is not known, and a number that is another one for each merge.
    """

    def __init__(self) -> None:
        self.last: Layering | None = None
        self.now: tuple[int, Layering | None] = (0, None)
        self._read: set[int] = set()

    @property
    def merged(self) -> Layering | None:
        """The merge that readers see; None if it is not known."""
        return self.now[1]

    def see(self, published: Mapping[str, bytes] | None) -> None:
        """Record what is published; None if nothing is, or if it is not known."""
        for merged in (self.last, self.merged):
            # An earlier daemon, or an operator who pinned it, can have published the same.
            if merged is None:
                continue
            if merged.options is published or merged.options == published:
                self._show(merged)
                return
        self._show(None)

    def _show(self, merged: Layering | None) -> None:
        number, before = self.now
        if merged is not before:
            self.now = number + 1, merged

    def read(self, layers: Iterable[int]) -> None:
        """Record that these layers were read by schedule."""
        self._read.update(layers)

    def counts(self) -> bool:
        """Return whether the layers that differ from the published ones were read again.

        A guard counts polls that find the same.  A poll that did not read the layer again does not
        count.  If this returns True, the next round begins.
        """
        assert self.last is not None
        layers = self.last.layers
        shown = (None,) * len(layers) if self.merged is None else self.merged.layers
        if any(
            layer is not before and number not in self._read
            for number, (layer, before) in enumerate(zip(layers, shown, strict=True))
        ):
            return False
        self._read.clear()
        return True
