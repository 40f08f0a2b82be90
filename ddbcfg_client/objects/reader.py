"""What objects need of a Config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ddbcfg_client.memo import Memo
    from ddbcfg_client.objects.troubles import Troubles
    from ddbcfg_client.snapshot import Snapshot


class Reader(Protocol):
    """A Config, as far as objects that are made from its options use it."""

    _memo: Memo
    _troubled: Troubles | None

    @property
    def store(self) -> str:
        """The store's name."""

    def _result_of(self, read: Callable[[Snapshot], Any], /) -> Any:
        """Return the result of ``read`` on the current snapshot."""

    def _troubles(self) -> Troubles:
        """Return the problems of the objects of this reader."""
