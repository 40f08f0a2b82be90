"""The config stores: three classes with the same methods that read a store in different ways.

========================= ====================================== =================================
name                      reads                                  maximum age
========================= ====================================== =================================
SimpleConfigStore         DynamoDB, at each call                 the call
TimeBasedConfigStore      this process's copy                    ``update_interval``, 300 s
SharedMemoryConfigStore   what this host's daemon published      the daemon's ``--interval``
========================= ====================================== =================================
"""

from __future__ import annotations

from ddbcfg_client.config_stores.base import ConfigStore
from ddbcfg_client.config_stores.direct import DirectConfigStore, SimpleConfigStore
from ddbcfg_client.config_stores.shared_memory import SharedMemoryConfigStore
from ddbcfg_client.config_stores.time_based import TimeBasedConfigStore

__all__ = [
    "ConfigStore",
    "DirectConfigStore",
    "SharedMemoryConfigStore",
    "SimpleConfigStore",
    "TimeBasedConfigStore",
]
