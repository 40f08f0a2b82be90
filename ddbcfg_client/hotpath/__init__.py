"""What is compiled where it was built, unless ``DDBCFG_PURE`` is set: hot path and shared values.

``READER`` says it: ``compiled`` or ``python``.  Without a C compiler, and on free-threaded Python,
there is no compiled one.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.hotpath.guarded import GuardedDict, GuardedList
    from ddbcfg_client.hotpath.hot import Hot

    READER = "python"
else:
    try:
        if os.environ.get("DDBCFG_PURE"):
            raise ImportError("DDBCFG_PURE is set")
        from ddbcfg_client.hotpath._hot import GuardedDict, GuardedList, Hot

        READER = "compiled"
    except ImportError:
        from ddbcfg_client.hotpath.guarded import GuardedDict, GuardedList
        from ddbcfg_client.hotpath.hot import Hot

        READER = "python"

__all__ = ["READER", "GuardedDict", "GuardedList", "Hot"]
