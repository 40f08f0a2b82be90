"""The exceptions of DynamoDB Config Store under their old names, all ``ConfigError``.

``ItemNotFound`` is boto's name for ``OptionNotFound``.
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
