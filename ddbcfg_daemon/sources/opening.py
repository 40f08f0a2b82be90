"""Open the kind of source that the settings select."""

from __future__ import annotations

from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.sources.base import Sources
from ddbcfg_daemon.sources.dynamodb import DynamoDBSources
from ddbcfg_daemon.sources.local import LocalSources


def open_sources(settings: DaemonSettings) -> Sources:
    """Open the source of all stores, which the caller closes.

    Raise ConfigError, and OSError if the system has no resources for the embedded DynamoDB.
    """
    if settings.local is not None:
        return LocalSources(settings, settings.local)
    return DynamoDBSources(settings)
