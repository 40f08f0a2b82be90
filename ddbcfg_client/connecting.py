"""From a table and a store, or from what this host has, to a reader."""

from __future__ import annotations

import os
import time

from ddbcfg_client.config import Config
from ddbcfg_client.errors import (
    ConfigError,
    NameRefused,
    SnapshotUnavailable,
    StoreNotNamed,
    UntrustedSegment,
)
from ddbcfg_client.format.names import PREFIX, Names, quoted
from ddbcfg_client.seconds import seconds_of
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.trust import SHM_DIR, Trust

_WAIT_STEP = 0.05  # seconds between two looks for a snapshot that is waited for


def connect(
    table: str | None = None,
    store: str | None = None,
    *,
    namespace: str | None = None,
    wait: float = 0.0,
    max_age: float | None = None,
    owner: str | int | None = None,
) -> Config:
    """Attach to a store that this host's daemon publishes.

    *table* and *store* default to ``DDBCFG_TABLE`` and ``DDBCFG_STORE``, then to the one store that
    is published on this host.  *namespace* (``DDBCFG_NAMESPACE``) is what the daemon was given with
    ``--namespace``, if it was.  *wait* is how many seconds to wait for the first snapshot.  With
    *max_age* (seconds), a read later than that after the last successful poll raises
    SnapshotTooStale.  *owner* (``DDBCFG_OWNER``), a user name or uid, is trusted to publish besides
    root and this user; by default ``ddbcfg``.

    Raises StoreNotNamed, NameRefused, SnapshotUnavailable, SnapshotPermissionError,
    UntrustedSegment, LayoutMismatch, SnapshotCorrupt or SecondsRefused.
    """
    deadline = time.monotonic() + seconds_of("wait", wait)
    trust = trust_in(owner)
    while True:
        try:
            config = Config(names_of(table, store, namespace, trust), trust, max_age)
            config.generation  # noqa: B018 - attaches, or says why it cannot
            return config
        except (SnapshotUnavailable, StoreNotNamed) as error:
            # Of several stores, waiting makes no fewer.
            several = isinstance(error, StoreNotNamed) and error.published
            if several or time.monotonic() >= deadline:
                raise with_those_here(error, trust) from None
        time.sleep(_WAIT_STEP)


def with_those_here(error: ConfigError, trust: Trust) -> ConfigError:
    """Return the error, with the stores that are here if it is a store that is not."""
    if not isinstance(error, SnapshotUnavailable) or os.path.lexists(SHM_DIR + error.name):
        return error
    here = [(names.namespace, names.store) for names in published_stores(trust)[0]]
    return SnapshotUnavailable(error.name, error.reason, here)


def names_of(table: str | None, store: str | None, namespace: str | None, trust: Trust) -> Names:
    """Return the names of the store that is meant; see :func:`connect`.

    Raises StoreNotNamed, or UntrustedSegment when the only one is of an owner that is not trusted.
    """
    found, refused = all_names_of(table, store, namespace, trust)
    if len(found) == 1:
        return found[0]
    if not found and refused:
        raise refused[0]
    raise StoreNotNamed([(names.namespace, names.store) for names in found])


def all_names_of(
    table: str | None, store: str | None, namespace: str | None, trust: Trust
) -> tuple[list[Names], list[UntrustedSegment]]:
    """Return the names of the store that is named, or else of those here that may be meant.

    With them an error for each that may be meant and is not to be trusted.
    """
    namespace = namespace or os.environ.get("DDBCFG_NAMESPACE")
    namespace = namespace or table or os.environ.get("DDBCFG_TABLE")
    store = store or os.environ.get("DDBCFG_STORE")
    for kind, name in (("table", namespace), ("store", store)):
        try:
            (name or "").encode()
        except UnicodeEncodeError:
            raise NameRefused(kind, name or "", "is not UTF-8") from None
    if namespace and store:
        return [Names(namespace, store)], []

    def may_be_meant(page: str) -> bool:
        return (not namespace or page.startswith(f"{PREFIX}{quoted(namespace)}.")) and (
            not store or page.endswith(f".{quoted(store)}")
        )

    found, refused = published_stores(trust)
    return (
        [names for names in found if may_be_meant(names.page)],
        [error for error in refused if may_be_meant(error.name)],
    )


def trust_in(owner: str | int | None) -> Trust:
    """Whom to believe, when *owner* or ``DDBCFG_OWNER`` is to be believed too."""
    return Trust(owner if owner is not None else os.environ.get("DDBCFG_OWNER") or None)
