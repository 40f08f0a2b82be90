"""The hot path of a snapshot: an option that was decoded already.

This is the reference.  ``_pinned.c`` is the compiled equivalent.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.readonly import ReadOnlyDict


class HotPinned:
    """Serves options from ``decoded``, and calls the subclass for all others."""

    __slots__ = ("decoded",)

    #: Options decoded so far, shared with the reader's hot path.
    decoded: dict[str, ReadOnlyDict]

    def __getitem__(self, option: str) -> ReadOnlyDict:
        """Return the option's keys; raise OptionNotFound or SnapshotCorrupt."""
        try:
            return self.decoded[option]
        except (KeyError, TypeError):
            pass
        return self._read(option)

    def _read(self, option: str) -> ReadOnlyDict:
        """Return the option's keys by the slow path."""
        raise NotImplementedError
