"""What the objects of one reader have trouble with: for its status, and its last valid objects."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.shm.status import Status


class Troubles:
    """Why objects are older than the options that they were made from.

    ``valid`` has the last valid object by option and type, for reads with ``keep_valid``.
    """

    __slots__ = ("_bound", "_typed", "valid")

    def __init__(self) -> None:
        self._bound: WeakKeyDictionary[object, str] = WeakKeyDictionary()
        self._typed: dict[object, str] = {}
        self.valid: dict[object, Any] = {}

    def bound(self, handle: object, why: str | None) -> bool:
        """Set why a handle of ``bind`` serves an older object, or that it does not.

        Return whether that is a change.
        """
        before = self._bound.pop(handle, None)
        if why is not None:
            self._bound[handle] = why
        return (before is None) != (why is None) or before != why

    def typed(self, key: object, why: str | None) -> bool:
        """Set the same for a read with ``as_``; ``key`` is its option and type."""
        before = self._typed.pop(key, None)
        if why is not None:
            self._typed[key] = why
        return before != why

    def added_to(self, status: Status) -> Status:
        """Return the status of the reader with all of these."""
        return replace(status, kept_objects=sorted({*self._bound.values(), *self._typed.values()}))
