"""The exit codes of ``ddbcfg-client``: their meanings, and the code of each error."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ddbcfg_client.errors import ConfigError

FOUND, NOT_FOUND, USAGE, NO_SNAPSHOT, TOO_OLD, NOT_RELOADED, DYNAMODB_FAILED, CONFLICT = range(8)
FAULT = 70  # EX_SOFTWARE of sysexits.h
OUTPUT_FAILED = 74  # EX_IOERR of sysexits.h
NOT_EXECUTED, NO_COMMAND = 126, 127  # as of a shell
INTERRUPTED = 130  # as in a shell: 128 + SIGINT
TERMINATED = 143  # 128 + SIGTERM

#: For the help; the tests compare it with docs/command-line.md.
MEANINGS = {
    FOUND: "found or done",
    NOT_FOUND: "no such option or key, or it exists (--if-absent), or you did not confirm",
    USAGE: "usage",
    NO_SNAPSHOT: "no snapshot that can be read",
    TOO_OLD: "too old (--max-age)",
    NOT_RELOADED: "not reloaded",
    DYNAMODB_FAILED: "DynamoDB refused or failed",
    CONFLICT: "conflict with another change, or refused",
    FAULT: "a bug in ddbcfg",
    OUTPUT_FAILED: "the output cannot be written",
    NOT_EXECUTED: "exec: the command cannot be run",
    NO_COMMAND: "exec: no such command",
}

#: The code of each class of errors and its subclasses, unless these have their own code.  Classes
#: are named by strings: a get that finds its option does not need to import the errors of a table,
#: and one that fails may have no descriptor left for an import.
CODES = {
    "ChangeUncertain": DYNAMODB_FAILED,
    "ConditionNeedsRevision": USAGE,
    "ConfigError": USAGE,
    "HistoryGap": NOT_FOUND,
    "ImportInterrupted": DYNAMODB_FAILED,
    "LayoutMismatch": NO_SNAPSHOT,
    "MalformedValue": DYNAMODB_FAILED,
    "MisconfiguredSchemaException": DYNAMODB_FAILED,
    "NothingPublished": NO_SNAPSHOT,
    "OptionNotFound": NOT_FOUND,
    "OutputFailed": OUTPUT_FAILED,
    "PinFailed": CONFLICT,
    "ReloadFailed": NOT_RELOADED,
    "RemovalRefused": CONFLICT,
    "RevisionDamaged": DYNAMODB_FAILED,
    "RevisionError": CONFLICT,
    "RevisionFormatUnknown": DYNAMODB_FAILED,
    "RevisionMissing": NOT_FOUND,
    "SnapshotError": NO_SNAPSHOT,
    "SnapshotTooStale": TOO_OLD,
    "StoreServed": CONFLICT,
    "TableError": DYNAMODB_FAILED,
}


def code_of(error: ConfigError) -> int:
    """Return the exit code for ``error``."""
    return next(CODES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in CODES)
