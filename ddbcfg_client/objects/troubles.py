"""The problems of the objects of one reader, for its status, and its last valid objects."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.shm.status import Status

# Last valid objects of one option that were made by anything but a class.  There are more if a
# program makes a new function for each read.
_AT_MOST = 64


class Troubles:
    """Why objects are older than the options that they were made from.

    It also has the last valid objects by option and type, for reads with ``keep_valid``.  Its dicts
    are only read and changed in single steps, so threads need no lock.
    """

    __slots__ = ("_bound", "_typed", "_valid")

    def __init__(self) -> None:
        # By the handle's id.  The reference removes the entry before the id can be another's.
        self._bound: dict[int, tuple[ref[object], str]] = {}
        self._typed: dict[tuple[str, object], str] = {}
        self._valid: dict[str, dict[object, Any]] = {}

    def last_valid(self, option: str, key: object) -> Any:
        """Return the last valid object of ``option`` for the type with ``key``, or None."""
        return self._valid.get(option, {}).get(key)

    def remember(self, option: str, key: object, valid: object) -> None:
        """Set the last valid object."""
        of_option = self._valid.setdefault(option, {})
        of_option[key] = valid
        if len(of_option) > _AT_MOST:
            others = [old for old in list(of_option) if not isinstance(old, type)]
            for old in others[:-_AT_MOST]:
                of_option.pop(old, None)
                self._typed.pop((option, old), None)

    def bound(self, handle: object, why: str | None) -> bool:
        """Set why a handle of ``bind`` serves an older object, or that it does not.

        Return whether that is a change.
        """
        number = id(handle)
        before = self._bound.pop(number, None)
        if why is not None:
            self._bound[number] = ref(handle, lambda _: self._bound.pop(number, None)), why
        return why != (None if before is None else before[1])

    def typed(self, option: str, key: object, why: str | None) -> bool:
        """Set the same for a read with ``as_`` of ``option``; ``key`` stands for the type."""
        before = self._typed.pop((option, key), None)
        if why is not None:
            self._typed[option, key] = why
        return before != why

    def added_to(self, status: Status) -> Status:
        """Return the status of the reader with all of these."""
        bound = {why for _, why in list(self._bound.values())}
        return replace(status, kept_objects=sorted({*bound, *self._typed.values()}))
