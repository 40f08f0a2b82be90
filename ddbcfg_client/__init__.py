"""ddbcfg: configuration in DynamoDB, read at about the cost of a dict lookup.

>>> import ddbcfg_client
>>> config = ddbcfg_client.connect("config", "prod")
>>> config.get("db")
{'host': 'db-cluster.com', 'port': Decimal('27017')}

Importing this package starts no thread, opens no file and does not import boto3.
"""

from __future__ import annotations

from ddbcfg_client.config import Config
from ddbcfg_client.connecting import connect
from ddbcfg_client.errors import (
    ConfigError,
    LayoutMismatch,
    OptionNotFound,
    ReloadFailed,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotPermissionError,
    SnapshotTooStale,
    SnapshotUnavailable,
    StoreNotNamed,
    UntrustedSegment,
)
from ddbcfg_client.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.config_stores.store import DynamoDBConfigStore
    from ddbcfg_client.errors import OptionInvalid
    from ddbcfg_client.objects.bound import Bound
    from ddbcfg_client.waking.change import Change

    __version__: str

__all__ = [
    "Bound",
    "Change",
    "Config",
    "ConfigError",
    "DynamoDBConfigStore",
    "LayoutMismatch",
    "OptionInvalid",
    "OptionNotFound",
    "ReloadFailed",
    "Snapshot",
    "SnapshotCorrupt",
    "SnapshotError",
    "SnapshotPermissionError",
    "SnapshotTooStale",
    "SnapshotUnavailable",
    "StoreNotNamed",
    "UntrustedSegment",
    "connect",
]


def __getattr__(name: str) -> Any:
    # Imported on first use, because a program that only reads does not need it.
    if name == "DynamoDBConfigStore":
        from ddbcfg_client.config_stores.store import DynamoDBConfigStore

        return DynamoDBConfigStore
    if name == "Change":
        from ddbcfg_client.waking.change import Change

        return Change
    if name == "Bound":
        from ddbcfg_client.objects.bound import Bound

        return Bound
    if name == "OptionInvalid":
        from ddbcfg_client.errors import OptionInvalid

        return OptionInvalid
    if name == "__version__":
        from ddbcfg_client.version import VERSION

        return VERSION
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
