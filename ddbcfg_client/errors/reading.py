"""The base of all errors, and the errors of programs that only read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

START = (
    "start one with 'systemctl start ddbcfg-daemon' or 'ddbcfg-daemon --table TABLE --store STORE'"
)

_HOW = "--table and --store, DDBCFG_TABLE and DDBCFG_STORE"
_STORES_SHOWN = 20


class ConfigError(Exception):
    """The base of every error of ddbcfg."""


class OptionNotFound(ConfigError, KeyError):
    """The store has no such option."""

    def __init__(self, option: str, store: str) -> None:
        super().__init__(option, store)
        self.option = option
        self.store = store

    # Without this, KeyError would show repr(args).
    def __str__(self) -> str:
        return f"store {self.store!r} has no option {self.option!r}"


class OptionAttributeError(OptionNotFound, AttributeError):
    """``config.name`` for a missing option; an AttributeError, for hasattr() and getattr()."""


class StoreNotNamed(ConfigError):
    """No table or store was named, and not exactly one published store on this host matches."""

    def __init__(self, published: Sequence[tuple[str, str]]) -> None:
        super().__init__(published)
        self.published = published

    def __str__(self) -> str:
        return (
            f"name the table and the store ({_HOW}): this host has {_stores(self.published)}; "
            "'ddbcfg-client status' shows which of them a daemon serves"
        )


class NothingPublished(StoreNotNamed):
    """No store is published on this host that matches; ``published`` has those that do not."""

    def __str__(self) -> str:
        text = "no daemon has published such a store here; "
        if not self.published:
            return f"{text}{START}, or name another ({_HOW})"
        return (
            f"{text}this host has {_stores(self.published)}; name one of them ({_HOW}), or {START}"
        )


class SeveralStoresNamed(ConfigError):
    """More than one store was named, but only one can be read; ``stores`` are their names."""

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
    """The object ``name`` in shared memory cannot be read."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class SnapshotUnavailable(SnapshotError):
    """No daemon has published this store on this host yet.

    ``published`` has the namespaces and stores that are published on this host instead.  ``advice``
    is what to do if it is not to start a daemon.
    """

    def __init__(
        self,
        name: str,
        reason: str,
        published: Sequence[tuple[str, str]] = (),
        advice: str = "",
    ) -> None:
        super().__init__(name, reason)
        self.args = (name, reason, published, advice)
        self.published = published
        self.advice = advice

    def __str__(self) -> str:
        text = f"no snapshot under {self.name}: {self.reason}; "
        if self.advice:
            return text + self.advice
        if not self.published:
            return text + START
        return f"{text}this host has {_stores(self.published)}; name one of them, or {START}"


class FileUnavailable(SnapshotUnavailable):
    """The file that ``DDBCFG_FILE`` names cannot be read, or does not have the store.

    ``name`` is its path.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.args = (name, reason)

    def __str__(self) -> str:
        return (
            f"{self.name} (DDBCFG_FILE): {self.reason}; correct it, or unset DDBCFG_FILE to read "
            "what a daemon publishes on this host"
        )


class FileInvalid(FileUnavailable):
    """The file that ``DDBCFG_FILE`` names is not valid; ``where`` is its path and a line or key."""

    def __init__(self, name: str, where: str, reason: str) -> None:
        super().__init__(name, reason)
        self.args = (name, where, reason)
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; correct the file, which DDBCFG_FILE names"


class NoSharedMemory(SnapshotUnavailable):
    """This host has no /dev/shm, so no daemon can publish on it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "this host has no /dev/shm")
        self.args = (name,)

    def __str__(self) -> str:
        return (
            f"no snapshot under {self.name}: {self.reason}, where a daemon publishes: set "
            "DDBCFG_FILE to a JSON or TOML file of options, or run on Linux"
        )


class SnapshotCorrupt(SnapshotError):
    """Bytes in shared memory are not valid; none of them was used."""

    def __str__(self) -> str:
        return f"{self.name} is damaged: {self.reason}; restart ddbcfg-daemon to publish it again"


class SnapshotReclaimed(SnapshotError):
    """The daemon reclaimed the memory of a replaced snapshot that this process still held."""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}; take a new snapshot, and hold it no longer than needed"


class UntrustedSegment(SnapshotError):
    """The object's owner or mode would let another user than the daemon's write it.

    ``advice`` says what to do if it is the daemon's after all.
    """

    def __init__(self, name: str, reason: str, advice: str) -> None:
        super().__init__(name, reason)
        self.args = (name, reason, advice)
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.name} is not trusted: {self.reason}; {self.advice}"


class SnapshotPermissionError(SnapshotError, PermissionError):
    """This process may not read the store."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)

    def __str__(self) -> str:
        return f"no permission to read {self.name}: {self.reason}"


class LayoutMismatch(ConfigError):
    """Daemon and client are of releases with different layouts."""

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
    """The last successful poll is longer ago than ``max_age``; both ages are in seconds."""

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
    """An argument is not a number of seconds; ``argument`` is its name."""

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


class NameRefused(ConfigError, ValueError):
    """DynamoDB cannot hold a store or an option of this name; ``kind`` says which of the two."""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        super().__init__(kind, name, reason)
        self.kind = kind
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.kind} name {self.name[:80]!r} {self.reason}"


class KeysRefused(ConfigError, TypeError, ValueError):
    """The ``keys`` of a ``get`` are not a list of valid key names."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"keys: {self.reason}"


class MalformedValue(ConfigError, ValueError):
    """DynamoDB sent something that is not an attribute value known to this release."""

    def __init__(self, option: str, key: str, reason: str) -> None:
        super().__init__(option, key, reason)
        self.option = option
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"option {self.option!r}, key {self.key!r}: not a DynamoDB value ({self.reason})"
