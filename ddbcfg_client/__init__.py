"""ddbcfg: configuration that lives in DynamoDB, read at about the cost of a dict lookup.

>>> import ddbcfg_client
>>> config = ddbcfg_client.connect("config", "prod")
>>> config.get("db")
{'host': 'db-cluster.com', 'port': Decimal('27017')}

Importing this starts no thread, opens nothing and imports no boto3.
"""

from __future__ import annotations

from ddbcfg_client.connection import connect
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
from ddbcfg_client.reader import Config
from ddbcfg_client.snapshot import Snapshot

__version__ = "0.1.0"

__all__ = [
    "Config",
    "ConfigError",
    "LayoutMismatch",
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
