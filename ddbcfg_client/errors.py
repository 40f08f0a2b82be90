"""Every error ddbcfg raises, in one tree under :class:`ConfigError`.

An error keeps its context in attributes, builds its text from them, and says what happened, to
what, and what to do.  The constructor's arguments are the exception's ``args``, which is all that
pickling needs, so an error crosses a process pool whole.  No error ever holds an option's value:
values can be secrets.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


START = (
    "start one with 'systemctl start ddbcfg-daemon' or 'ddbcfg-daemon --table TABLE --store STORE'"
)

_STORES_SHOWN = 20


class ConfigError(Exception):
    """The base of every error of ddbcfg."""


# --- reading -------------------------------------------------------------------------------------


class OptionNotFound(ConfigError, KeyError):
    """The store has no such option."""

    def __init__(self, option: str, store: str) -> None:
        super().__init__(option, store)
        self.option = option
        self.store = store

    # KeyError would show repr(args) instead of a sentence.
    def __str__(self) -> str:
        return f"store {self.store!r} has no option {self.option!r}"


class OptionAttributeError(OptionNotFound, AttributeError):
    """``config.name`` for an option that is not there, so that hasattr() and getattr() work."""


class StoreNotNamed(ConfigError):
    """No table or store was named, and what is published on this host does not settle it."""

    def __init__(self, published: Sequence[tuple[str, str]]) -> None:
        super().__init__(published)
        self.published = published

    def __str__(self) -> str:
        how = "--table and --store, DDBCFG_TABLE and DDBCFG_STORE"
        if not self.published:
            return f"no daemon has published such a store here; {START}, or name another ({how})"
        return f"name the table and the store ({how}): this host has {_stores(self.published)}"


class SeveralStoresNamed(ConfigError):
    """More than one store was named where only one can be read; ``stores`` are their names."""

    def __init__(self, stores: Sequence[str]) -> None:
        super().__init__(stores)
        self.stores = stores

    def __str__(self) -> str:
        listed = ", ".join(map(repr, self.stores[:_STORES_SHOWN]))
        more = len(self.stores) - _STORES_SHOWN
        listed += f" and {more} more" if more > 0 else ""
        return f"several stores are named, {listed}: name one of them (--store, DDBCFG_STORE)"


def _stores(published: Sequence[tuple[str, str]]) -> str:
    names = [f"{namespace}/{store}" for namespace, store in published]
    more = len(names) - _STORES_SHOWN
    text = ", ".join(names[:_STORES_SHOWN])
    return f"{text} and {more} more" if more > 0 else text


class SnapshotError(ConfigError):
    """What is in shared memory under ``name`` cannot be read."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class SnapshotUnavailable(SnapshotError):
    """No daemon has published this store on this host yet.

    ``published`` are the namespaces and stores that are published here, if it is none of them.
    """

    def __init__(self, name: str, reason: str, published: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(name, reason)
        self.args = (name, reason, published)
        self.published = published

    def __str__(self) -> str:
        text = f"no snapshot under {self.name}: {self.reason}; "
        if not self.published:
            return text + START
        return f"{text}this host has {_stores(self.published)}; name one of them, or {START}"


class SnapshotCorrupt(SnapshotError):
    """Bytes in shared memory do not check out; none of them was used."""

    def __str__(self) -> str:
        return f"{self.name} is damaged: {self.reason}; restart ddbcfg-daemon to publish it anew"


class SnapshotReclaimed(SnapshotError):
    """A replaced snapshot that was still held has no memory any more."""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}; take a new snapshot, and hold it no longer than needed"


class UntrustedSegment(SnapshotError):
    """The object's owner or mode would let somebody else than the daemon write it.

    ``advice`` is what to do if it is the daemon's all the same.
    """

    def __init__(self, name: str, reason: str, advice: str) -> None:
        super().__init__(name, reason)
        self.args = (name, reason, advice)
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.name} is not to be trusted: {self.reason}; {self.advice}"


class SnapshotPermissionError(SnapshotError, PermissionError):
    """This process may not read the store."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)

    def __str__(self) -> str:
        return f"no permission to read {self.name}: {self.reason}"


class LayoutMismatch(ConfigError):
    """Daemon and client are of releases whose layouts differ."""

    def __init__(self, name: str, found: int, understood: int) -> None:
        super().__init__(name, found, understood)
        self.name = name
        self.found = found
        self.understood = understood

    def __str__(self) -> str:
        older = "client" if self.found > self.understood else "daemon"
        return (
            f"{self.name} has layout version {self.found}, this client reads "
            f"{self.understood}: upgrade the {older}"
        )


class SnapshotTooStale(ConfigError):
    """The last successful poll is longer ago than ``max_age`` allows; ages in seconds."""

    def __init__(self, store: str, age: float | None, max_age: float) -> None:
        super().__init__(store, age, max_age)
        self.store = store
        self.age = age
        self.max_age = max_age

    def __str__(self) -> str:
        age = "unknown" if self.age is None else f"{self.age:.1f} s"
        return (
            f"store {self.store!r}: the age of its snapshot is {age}, more than the "
            f"{self.max_age:g} s allowed; 'ddbcfg-client status' shows why"
        )


class SecondsRefused(ConfigError, TypeError, ValueError):
    """An argument is no number of seconds; ``argument`` is its name."""

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(argument, reason)
        self.argument = argument
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.argument} {self.reason}"


class ReloadFailed(ConfigError):
    """The daemon did not poll, or its poll failed."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, reason)
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        return f"store {self.store!r} was not reloaded: {self.reason}"


# --- DynamoDB ------------------------------------------------------------------------------------


class MissingExtra(ConfigError, ImportError):
    """A part of ddbcfg was asked for whose packages are not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.feature} needs more packages: pip install 'ddbcfg[{self.extra}]'"


class TableError(ConfigError):
    """DynamoDB refused or failed ``operation`` on ``table``.

    ``code`` is the service's own error code or the name of botocore's exception, ``reason`` what
    it said and what to do about it.
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
    """No answer came, or none in time: the network, the endpoint or the service is at fault."""


class TableThrottled(TableError):
    """The table, the index of its keys or the account has used up its throughput."""


class TransactionRefused(TableError):
    """A transaction was refused as a whole, and changed nothing.

    ``reasons`` has the service's code for each of its actions, "None" for those it would have done.
    """

    def __init__(
        self, table: str, operation: str, code: str, reason: str, reasons: Sequence[str]
    ) -> None:
        super().__init__(table, operation, code, reason)
        self.args = (table, operation, code, reason, reasons)
        self.reasons = reasons


class CredentialsRefused(TableError):
    """The credentials are missing, expired, unknown or not allowed to do this."""


class AnswerMalformed(TableError):
    """What came back is no answer of DynamoDB; nothing of it was used."""


class TableNotFound(TableError):
    """The table does not exist in this account and region."""


class TableNotReadyException(TableError):
    """The table exists but is neither ACTIVE nor UPDATING."""


class TableNotCreatedException(TableError):
    """The table was to be created and did not become ACTIVE."""


class MisconfiguredSchemaException(ConfigError):
    """The table's keys are not the string hash key and string range key that were asked for."""

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


class NameRefused(ConfigError, ValueError):
    """DynamoDB cannot hold a store or an option of this name; ``kind`` is which of the two."""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(kind, name, reason)
        self.kind = kind
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.kind} name {self.name[:80]!r} {self.reason}"


class KeysRefused(ConfigError, TypeError, ValueError):
    """The ``keys`` of a ``get`` are not a list of names that keys can have."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"keys: {self.reason}"


class ValueRefused(ConfigError, ValueError):
    """DynamoDB cannot hold this option exactly: ``where`` is the path to what it cannot hold."""

    def __init__(self, option: str, where: str, reason: str) -> None:
        super().__init__(option, where, reason)
        self.option = option
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        at = f" at {self.where}" if self.where else ""
        return f"option {self.option!r} cannot be stored{at}: {self.reason}"


# --- revisions -----------------------------------------------------------------------------------


class RevisionError(ConfigError):
    """A store's revision, which its writers keep in the table, does not allow what was asked."""

    def __init__(self, table: str, store: str, reason: str) -> None:
        super().__init__(table, store, reason)
        self.table = table
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.table}/{self.store}: {self.reason}"


class RevisionMissing(RevisionError):
    """The store has no revision item."""

    def __str__(self) -> str:
        return f"{super().__str__()}; start one with 'ddbcfg-client revision enable'"


class RevisionDamaged(RevisionError):
    """The store's revision item does not parse; nothing of it was used."""

    def __str__(self) -> str:
        return (
            f"{self.table}/{self.store}: the revision item is damaged: {self.reason}; "
            "make it anew with 'ddbcfg-client revision repair'"
        )


class RevisionFormatUnknown(RevisionError):
    """A newer release writes this store's revision item."""

    def __str__(self) -> str:
        return f"{super().__str__()}; upgrade ddbcfg on this host"


class RevisionElsewhere(RevisionError):
    """The store's revision belongs to writers in another region of a global table."""


class ImportPending(RevisionError):
    """An import is under way, or was left half done; nothing was written."""


class ImportInterrupted(RevisionError):
    """An import ended half-way: ``written`` of ``total`` options were written.

    Hosts keep serving the revision before it.
    """

    def __init__(self, table: str, store: str, reason: str, written: int, total: int) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, written, total)
        self.written = written
        self.total = total

    def __str__(self) -> str:
        return (
            f"{self.table}/{self.store}: {self.written} of {self.total} options were written, then "
            f"{self.reason}; hosts keep the revision before it: finish the import or take it back "
            "with 'ddbcfg-client revision repair'"
        )


class ChangeConflict(RevisionError):
    """Compare-and-set: options changed since revision ``expected``; nothing was written.

    ``changed`` names those that did.  It is empty when the record does not go back that far.
    """

    def __init__(
        self, table: str, store: str, reason: str, expected: int, found: int, changed: Sequence[str]
    ) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, expected, found, changed)
        self.expected = expected
        self.found = found
        self.changed = changed


class ChangeRefused(RevisionError):
    """Each try to write was refused; nothing was written."""


class ChangeUncertain(RevisionError):
    """The response was lost, and whether the change was written could not be found out.

    The change of revision ``revision`` has ``token`` if it is this one.
    """

    def __init__(self, table: str, store: str, reason: str, revision: int, token: str) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, revision, token)
        self.revision = revision
        self.token = token

    def __str__(self) -> str:
        return (
            f"{self.table}/{self.store}: no response came ({self.reason}), and revision "
            f"{self.revision} may have been written or not: look with 'ddbcfg-client history', "
            "or write again"
        )


class StoreUnsettled(RevisionError):
    """The store changes from reading to reading, so no revision of it could be made."""


class HistoryGap(RevisionError):
    """What the store was at ``revision`` is not on record any more, or never was."""

    def __init__(self, table: str, store: str, reason: str, revision: int) -> None:
        super().__init__(table, store, reason)
        self.args = (table, store, reason, revision)
        self.revision = revision


# --- values --------------------------------------------------------------------------------------


class MalformedValue(ConfigError, ValueError):
    """DynamoDB answered something that is no attribute value this release knows."""

    def __init__(self, option: str, key: str, reason: str) -> None:
        super().__init__(option, key, reason)
        self.option = option
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"option {self.option!r}, key {self.key!r}: not a DynamoDB value ({self.reason})"


class SchemaError(ConfigError, ValueError):
    """The file given with --schema holds no JSON Schemas."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"schema {self.path}: {self.reason}"


class NotationError(ConfigError, ValueError):
    """JSON that does not say a store: ``where`` is a file and line, or a path into the document."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


# --- the command line ----------------------------------------------------------------------------


class OutputFailed(ConfigError):
    """What a command found or did could not be written to standard output."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"standard output cannot be written: {self.reason}"
