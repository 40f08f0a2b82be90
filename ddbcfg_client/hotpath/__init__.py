"""The hot path of a read, compiled or in Python.

``READER`` is the implementation in use, ``compiled`` or ``python``.  It depends on
``ddbcfg_client.readonly.COMPILED``.
"""

from __future__ import annotations

from ddbcfg_client.readonly import COMPILED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.hotpath.hot import Hot
    from ddbcfg_client.hotpath.hot_pinned import HotPinned
elif COMPILED:
    from ddbcfg_client._compiled import Hot, HotPinned
else:
    from ddbcfg_client.hotpath.hot import Hot
    from ddbcfg_client.hotpath.hot_pinned import HotPinned

READER = "compiled" if COMPILED else "python"

__all__ = ["READER", "Hot", "HotPinned"]
