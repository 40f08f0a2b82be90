"""Connecting a reader: from a table and a store, or from the one store published on this host."""

from __future__ import annotations

import os
import time

from ddbcfg_client.arguments import seconds_of
from ddbcfg_client.config import Config
from ddbcfg_client.errors import (
    ConfigError,
    NameRefused,
    NoSharedMemory,
    NothingPublished,
    SeveralStoresNamed,
    SnapshotUnavailable,
    StoreNotNamed,
    UntrustedSegment,
)
from ddbcfg_client.format.names import PREFIX, Names, quoted, stores_in
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.trust import SHM_DIR, Trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Literal

#: In a test with the fixture ``ddbcfg``: what makes the Config that a program gets.
instead: Callable[..., Config] | None = None

_WAIT_STEP = 0.05  # seconds between two checks while waiting for a snapshot


def connect(
    table: str | None = None,
    store: str | None = None,
    *,
    namespace: str | None = None,
    wait: float = 0.0,
    max_age: float | None = None,
    owner: str | int | None = None,
    numbers: Literal["decimal", "native"] = "decimal",
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Attach to a store that this host's daemon publishes.

    If ``DDBCFG_FILE`` names a JSON or TOML file, read the store in it instead, without a daemon.

    Args:
        table: The table's name; by default ``DDBCFG_TABLE``, then the one that is published here.
        store: The store's name; by default ``DDBCFG_STORE``, then the one that is published here.
        namespace: The daemon's ``--namespace``, if it has one; by default ``DDBCFG_NAMESPACE``.
        wait: The number of seconds to wait for the first snapshot.
        max_age: Reads raise SnapshotTooStale if the last successful poll is more than this many
            seconds ago.
        owner: A user name or uid that is trusted to publish, besides root and this user; by default
            ``DDBCFG_OWNER``, then ``ddbcfg``.
        numbers: ``"native"`` returns int for integral numbers and float for others;
            ``"decimal"`` returns Decimal, which is exact.
        defaults: Options to return if the store has none of their name.

    Raises:
        ConfigError: StoreNotNamed, NameRefused, SnapshotUnavailable, SnapshotPermissionError,
            UntrustedSegment, LayoutMismatch, SnapshotCorrupt, SecondsRefused, NumbersRefused,
            DefaultsRefused, ValueRefused or FileUnavailable; see their descriptions.
    """
    return attach(
        table,
        [store] if store else [],
        namespace=namespace,
        wait=wait,
        max_age=max_age,
        owner=owner,
        numbers=numbers,
        defaults=defaults,
    )


def attach(
    table: str | None,
    stores: Sequence[str],
    *,
    namespace: str | None,
    wait: float,
    max_age: float | None,
    owner: str | int | None,
    numbers: Literal["decimal", "native"] = "decimal",
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """Do what ``connect`` does; ``stores`` is empty or has the one store's name.

    Raise SeveralStoresNamed if it has more: flags and ``DDBCFG_STORE`` can list several.
    """
    wait = seconds_of("wait", wait)
    if instead is not None:
        return instead(max_age=max_age, numbers=numbers, defaults=defaults)
    file = file_named()
    if file:
        from ddbcfg_client.file_config.connecting import attach_to_file

        namespace, stores = _named(table, stores, namespace)
        if len(stores) > 1:
            raise SeveralStoresNamed(stores)
        store = stores[0] if stores else None
        return attach_to_file(file, namespace, store, wait, (max_age, numbers, defaults))
    deadline = time.monotonic() + wait
    trust = trust_in(owner)
    while True:
        config = None
        try:
            names = names_of(table, stores, namespace, trust)
            config = Config(names, trust, max_age, numbers, defaults)
            config.generation  # noqa: B018 - attaches, or raises
            return config
        except (SnapshotUnavailable, NothingPublished) as error:
            if time.monotonic() >= deadline or not os.path.isdir(SHM_DIR):
                raise with_those_here(error, trust) from None
        if config is not None and config._page() is not None:
            config.wait(deadline - time.monotonic())
        else:
            time.sleep(_WAIT_STEP)


def file_named() -> str | None:
    """Return the file to read instead of shared memory; None, or empty, if there is none."""
    return os.environ.get("DDBCFG_FILE")


def with_those_here(error: ConfigError, trust: Trust) -> ConfigError:
    """Return the error; if the store is not published here, add the stores that are.

    Return NoSharedMemory if none can be published here.
    """
    if isinstance(error, SnapshotUnavailable) and not os.path.isdir(SHM_DIR):
        return NoSharedMemory(error.name)
    if not isinstance(error, SnapshotUnavailable) or os.path.lexists(SHM_DIR + error.name):
        return error
    here = [(names.namespace, names.store) for names in published_stores(trust)[0]]
    return SnapshotUnavailable(error.name, error.reason, here)


def names_of(
    table: str | None, stores: Sequence[str], namespace: str | None, trust: Trust
) -> Names:
    """Return the names of the one store that these arguments select; see ``attach``.

    Raise StoreNotNamed, or UntrustedSegment if the only match has an owner that is not trusted.
    """
    stores = stores or _stores_by_default()
    if len(stores) > 1:
        raise SeveralStoresNamed(stores)
    found, refused = all_names_of(table, stores, namespace, trust)
    if len(found) == 1:
        return found[0]
    if not found and refused:
        raise refused[0]
    if not found:
        raise nothing_published(trust)
    raise StoreNotNamed([(names.namespace, names.store) for names in found])


def nothing_published(trust: Trust) -> NothingPublished:
    """Return the error that no store matches, with the stores that are published on this host."""
    return NothingPublished([(n.namespace, n.store) for n in published_stores(trust)[0]])


def all_names_of(
    table: str | None, stores: Sequence[str], namespace: str | None, trust: Trust
) -> tuple[list[Names], list[UntrustedSegment]]:
    """Return the names of the selected stores, and an error for each that is not trusted.

    If table and store are both named, these are the names.  Otherwise they are those of the
    published stores that match.
    """
    namespace, stores = _named(table, stores, namespace)
    if namespace and stores:
        return [Names(namespace, store) for store in stores], []

    def matches(page: str) -> bool:
        return (not namespace or page.startswith(f"{PREFIX}{quoted(namespace)}.")) and (
            not stores or any(page.endswith(f".{quoted(store)}") for store in stores)
        )

    found, refused = published_stores(trust)
    return (
        [names for names in found if matches(names.page)],
        [error for error in refused if matches(error.name)],
    )


def _named(
    table: str | None, stores: Sequence[str], namespace: str | None
) -> tuple[str | None, Sequence[str]]:
    """Return the namespace and the stores that arguments and variables name; raise NameRefused."""
    namespace = namespace or os.environ.get("DDBCFG_NAMESPACE")
    namespace = namespace or table or os.environ.get("DDBCFG_TABLE")
    stores = stores or _stores_by_default()
    for kind, name in (("table", namespace), *(("store", store) for store in stores)):
        try:
            (name or "").encode()
        except UnicodeEncodeError:
            raise NameRefused(kind, name or "", "is not UTF-8") from None
    return namespace, stores


def _stores_by_default() -> list[str]:
    return stores_in(os.environ.get("DDBCFG_STORE", ""))


def trust_in(owner: str | int | None) -> Trust:
    """Return the trusted users, including ``owner``, which defaults to ``DDBCFG_OWNER``."""
    return Trust(owner if owner is not None else os.environ.get("DDBCFG_OWNER") or None)
