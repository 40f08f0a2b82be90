"""What every output has in common: it says, besides shared memory, how the stores are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ddbcfg_daemon.served_store import ServedStore


class Output(Protocol):
    """Something that is updated after polls."""

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Take what *stores* are now; called by the main thread, and returns at once.

        What can wait, such as a disk, is used in a thread of the output's own.
        """
        ...
