"""The exceptions that users of DynamoDB Config Store import, all under :class:`ConfigError`.

``ItemNotFound`` is what boto called :class:`OptionNotFound`.
"""

from __future__ import annotations

from ddbcfg_client.errors import (
    ConfigError,
    MisconfiguredSchemaException,
    OptionNotFound,
    TableError,
    TableNotCreatedException,
    TableNotReadyException,
)

ItemNotFound = OptionNotFound

__all__ = [
    "ConfigError",
    "ItemNotFound",
    "MisconfiguredSchemaException",
    "OptionNotFound",
    "TableError",
    "TableNotCreatedException",
    "TableNotReadyException",
]
