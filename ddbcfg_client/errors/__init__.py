"""The errors of ddbcfg, in one tree under ``ConfigError``.

An error keeps its context in attributes and builds its text from them: what happened, to what, and
what to do.  The constructor's arguments are the exception's ``args``.  Pickling needs nothing else,
so an error can cross a process pool.  No error contains an option's value, which can be a secret.

Classes that a reading program never meets are imported on first use, to keep its start fast.
"""

from __future__ import annotations

from ddbcfg_client.errors.reading import (
    START,
    ConfigError,
    FileInvalid,
    FileUnavailable,
    KeysRefused,
    LayoutMismatch,
    MalformedValue,
    NameRefused,
    NoSharedMemory,
    NothingPublished,
    OptionAttributeError,
    OptionNotFound,
    ReloadFailed,
    SecondsRefused,
    SeveralStoresNamed,
    SnapshotCorrupt,
    SnapshotError,
    SnapshotPermissionError,
    SnapshotReclaimed,
    SnapshotTooStale,
    SnapshotUnavailable,
    StoreNotNamed,
    UntrustedSegment,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ddbcfg_client.errors.content import (
        DaemonNotStarted,
        NotationError,
        OutputFailed,
        PinFailed,
        RemovalRefused,
        SchemaError,
        StoreServed,
        ValueRefused,
        VariableRefused,
    )
    from ddbcfg_client.errors.objects import (
        ArgumentsRefused,
        BindRecursion,
        DefaultsRefused,
        NumberInexact,
        NumbersRefused,
        OptionInvalid,
        SettingsInvalid,
    )
    from ddbcfg_client.errors.revision import (
        ChangeConflict,
        ChangeRefused,
        ChangeUncertain,
        ConditionNeedsRevision,
        HistoryGap,
        ImportInterrupted,
        ImportPending,
        RevisionDamaged,
        RevisionElsewhere,
        RevisionError,
        RevisionFormatUnknown,
        RevisionMissing,
        StoreUnsettled,
    )
    from ddbcfg_client.errors.table import (
        CredentialsRefused,
        IntervalRefused,
        MisconfiguredSchemaException,
        MissingExtra,
        ResponseMalformed,
        StoreClosed,
        TableError,
        TableNotCreatedException,
        TableNotFound,
        TableNotReadyException,
        TableThrottled,
        TableUnreachable,
        TransactionRefused,
        UnknownConfigStore,
    )

__all__ = [
    "START",
    "ArgumentsRefused",
    "BindRecursion",
    "ChangeConflict",
    "ChangeRefused",
    "ChangeUncertain",
    "ConditionNeedsRevision",
    "ConfigError",
    "CredentialsRefused",
    "DaemonNotStarted",
    "DefaultsRefused",
    "FileInvalid",
    "FileUnavailable",
    "HistoryGap",
    "ImportInterrupted",
    "ImportPending",
    "IntervalRefused",
    "KeysRefused",
    "LayoutMismatch",
    "MalformedValue",
    "MisconfiguredSchemaException",
    "MissingExtra",
    "NameRefused",
    "NoSharedMemory",
    "NotationError",
    "NothingPublished",
    "NumberInexact",
    "NumbersRefused",
    "OptionAttributeError",
    "OptionInvalid",
    "OptionNotFound",
    "OutputFailed",
    "PinFailed",
    "ReloadFailed",
    "RemovalRefused",
    "ResponseMalformed",
    "RevisionDamaged",
    "RevisionElsewhere",
    "RevisionError",
    "RevisionFormatUnknown",
    "RevisionMissing",
    "SchemaError",
    "SecondsRefused",
    "SettingsInvalid",
    "SeveralStoresNamed",
    "SnapshotCorrupt",
    "SnapshotError",
    "SnapshotPermissionError",
    "SnapshotReclaimed",
    "SnapshotTooStale",
    "SnapshotUnavailable",
    "StoreClosed",
    "StoreNotNamed",
    "StoreServed",
    "StoreUnsettled",
    "TableError",
    "TableNotCreatedException",
    "TableNotFound",
    "TableNotReadyException",
    "TableThrottled",
    "TableUnreachable",
    "TransactionRefused",
    "UnknownConfigStore",
    "UntrustedSegment",
    "ValueRefused",
    "VariableRefused",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from ddbcfg_client.errors import content, objects, revision, table

        for module in (table, content, objects, revision):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
