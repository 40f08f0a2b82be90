"""Errors of DynamoDB, and of the classes that read and write it."""

from __future__ import annotations

from ddbcfg_client.errors.reading import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class TableError(ConfigError):
    """DynamoDB refused or failed ``operation`` on ``table``.

    ``code`` is the service's error code or the name of botocore's exception.  ``reason`` has its
    message and what to do.
    """

    def __init__(self, table: str, operation: str, code: str, reason: str) -> None:
        super().__init__(table, operation, code, reason)
        self.table = table
        self.operation = operation
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        on_table = f" on table {self.table!r}" if self.table else ""
        return f"{self.operation}{on_table}: {self.code}: {self.reason}"


class TableUnreachable(TableError):
    """No response, or none in time: a fault of the network, the endpoint or the service."""


class TableThrottled(TableError):
    """The table, the index of its keys or the account has used up its throughput."""


class TransactionRefused(TableError):
    """A transaction was refused as a whole and changed nothing.

    ``reasons`` has the service's code for each action, "None" for those that were not refused.
    """

    def __init__(
        self, table: str, operation: str, code: str, reason: str, reasons: Sequence[str]
    ) -> None:
        super().__init__(table, operation, code, reason)
        self.args = (table, operation, code, reason, reasons)
        self.reasons = reasons


class CredentialsRefused(TableError):
    """The credentials are missing, expired, unknown or not allowed to do this."""


class ResponseMalformed(TableError):
    """The response is not one of DynamoDB's; nothing of it was used."""


class TableNotFound(TableError):
    """The table does not exist in this account and region."""


class TableNotReadyException(TableError):
    """The table exists but is neither ACTIVE nor UPDATING."""


class TableNotCreatedException(TableError):
    """The table could not be created, or did not become ACTIVE."""


class MisconfiguredSchemaException(ConfigError):
    """The table's keys are not the expected string hash key and string range key."""

    def __init__(self, table: str, expected: str, found: str) -> None:
        super().__init__(table, expected, found)
        self.table = table
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return (
            f"table {self.table!r} has the wrong key schema: expected {self.expected}, found "
            f"{self.found}; name another table, or its keys with --store-key and --option-key"
        )


class MissingExtra(ConfigError, ImportError):
    """A feature of ddbcfg needs packages that are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.feature} needs more packages: pip install 'ddbcfg[{self.extra}]'"


class UnknownConfigStore(ConfigError, NotImplementedError):
    """There is no config store of this name."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name, known)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        return f"there is no config store {self.name!r}: there are {', '.join(self.known)}"


class StoreClosed(ConfigError):
    """The config store was used after its close()."""

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.store = store

    def __str__(self) -> str:
        return f"store {self.store!r} is closed: make a new DynamoDBConfigStore"


class IntervalRefused(ConfigError, TypeError, ValueError):
    """The ``update_interval`` of a TimeBasedConfigStore cannot be kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"update_interval: {self.reason}"
