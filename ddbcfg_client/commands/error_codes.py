"""Which error ends a command with which exit code.

Imported when one does: a get waits for no error of a table.
"""

from __future__ import annotations

from ddbcfg_client.commands.exits import (
    DYNAMODB_FAILED,
    NO_SNAPSHOT,
    NOT_FOUND,
    NOT_RELOADED,
    OUTPUT_FAILED,
    TOO_OLD,
    USAGE,
)
from ddbcfg_client.errors import (
    ConfigError,
    LayoutMismatch,
    MalformedValue,
    MisconfiguredSchemaException,
    NothingPublished,
    OptionNotFound,
    OutputFailed,
    ReloadFailed,
    SnapshotError,
    SnapshotTooStale,
    TableError,
)

#: The first class that an error is of decides.
CODES: tuple[tuple[type[ConfigError], int], ...] = (
    (OptionNotFound, NOT_FOUND),
    (NothingPublished, NO_SNAPSHOT),
    (SnapshotTooStale, TOO_OLD),
    (ReloadFailed, NOT_RELOADED),
    (SnapshotError, NO_SNAPSHOT),
    (LayoutMismatch, NO_SNAPSHOT),
    (TableError, DYNAMODB_FAILED),
    (MisconfiguredSchemaException, DYNAMODB_FAILED),
    (MalformedValue, DYNAMODB_FAILED),
    (OutputFailed, OUTPUT_FAILED),
    (ConfigError, USAGE),
)


def code_of(error: ConfigError) -> int:
    """Return the exit code of a command that *error* ended."""
    return next(code for kind, code in CODES if isinstance(error, kind))
