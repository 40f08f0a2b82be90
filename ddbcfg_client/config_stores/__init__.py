"""The ways to read a store: three classes with one set of methods.

========================= ====================================== =================================
name                      reads                                  is as old as
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
