"""The interface of every output: it reports the state of the stores outside shared memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ddbcfg_daemon.served_store import ServedStore


class Output(Protocol):
    """Something that is updated after polls.

    ``selected`` is the value of the setting that selects it: while that stays, it stays open.
    """

    @property
    def selected(self) -> object:
        """The value of its setting."""
        ...

    def begin(self, stores: Sequence[ServedStore]) -> None:
        """Learn which stores there are, before the first poll."""
        ...

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Take the current state of ``stores``; called by the main thread, and returns at once.

        An output that can block, for example on a disk, works in its own thread.
        """
        ...

    def close(self) -> None:
        """Release what it holds, at once; it is not updated any more.  May be called twice."""
        ...
