"""For the tests of programs that use ddbcfg: a Config without a daemon, and the fixtures' types."""

from __future__ import annotations

from ddbcfg_client.testing.fake_config import FakeConfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.format.layering import REMOVED
    from ddbcfg_client.testing.application import Override
    from ddbcfg_client.testing.daemon import RunningDaemon

__all__ = ["REMOVED", "FakeConfig", "Override", "RunningDaemon"]


def __getattr__(name: str) -> Any:
    # Imported on first use: few programs need these, except in annotations.
    if name == "REMOVED":
        from ddbcfg_client.format.layering import REMOVED

        return REMOVED
    if name == "Override":
        from ddbcfg_client.testing.application import Override

        return Override
    if name == "RunningDaemon":
        from ddbcfg_client.testing.daemon import RunningDaemon

        return RunningDaemon
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
