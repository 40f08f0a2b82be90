"""The source ``--local FILE``: a JSON file, loaded into an embedded DynamoDB."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError, NotationError
from ddbcfg_client.format.names import Names
from ddbcfg_client.notation.files import load_file
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.trust import Gone, Trust
from ddbcfg_daemon.errors import OtherSource
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.store_values import StoreSettings
from ddbcfg_daemon.sources.base import Source, Sources
from ddbcfg_daemon.sources.cancellation import make_cancellable
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.dynamodb import source_of
from ddbcfg_daemon.sources.local_dynamodb import REGION, LocalDynamoDB

_ORIGIN = "local"  # its name in the status, for readers


class LocalSources(Sources):
    """The stores of a file that the settings name, or the file's first one."""

    lasting = False

    def __init__(self, settings: DaemonSettings, file: str) -> None:
        """Load ``file``; raise NotationError, MissingExtra and what LocalDynamoDB raises."""
        self._each = each = settings.each_store
        contents = load_file(file, each.key_names)
        if not settings.stores and not contents:
            raise NotationError(file, "it has no stores")
        self._all_stores = tuple(contents)
        self.stores = settings.stores or (settings.store(self._all_stores[0]),)
        self._dynamodb = LocalDynamoDB()
        try:
            self._dynamodb.load(each.table, contents, each.key_names)
        except BaseException:
            self._dynamodb.stop()
            raise
        make_cancellable()
        self._connection = Connection(self._table)

    def _table(self) -> Table:
        each = self._each
        return Table(self._dynamodb.client(), each.table, each.key_names)

    def source(self, store: StoreSettings) -> Source:
        """Return the source of the store."""
        return source_of(self._connection, store, _ORIGIN)

    def place(self, store: StoreSettings) -> str:
        """Return where one of the stores is read from."""
        return f"region {REGION}, endpoint {self._dynamodb.endpoint_url}, embedded"

    def target(self, store: StoreSettings) -> str:
        """Return the store of the file that is read, whatever table the settings name."""
        return super().target(replace(self._each, store=store.store))

    def check_published(self, names: Names) -> None:
        """Raise OtherSource for the memory of a real store: this source would remove it at exit."""
        try:
            status = Page(names, Trust()).status()
        except (Gone, ConfigError):
            return
        if status.polls and status.source != _ORIGIN:
            raise OtherSource(
                names.store,
                f"a real DynamoDB ({status.source})",
                "use another --namespace with --local",
            )

    def introduction(self) -> Sequence[str]:
        """Return the endpoint, and the commands that read the store."""
        first = self.stores[0].names
        which = ""
        ours = {store.names.page for store in self.stores}
        if len(ours | {names.page for names in published_stores(Trust())[0]}) > 1:
            which = " " + shlex.join(("--namespace", first.namespace, "--store", first.store))
        about = f"embedded, region {REGION}, table {self._each.table!r}, gone when this ends"
        client = _client()
        lines = [
            f"DynamoDB:  {self._dynamodb.endpoint_url} ({about})",
            f"read it:   {client} get{which}",
            f"           {client} status{which}",
        ]
        served = {store.store for store in self.stores}
        others = [store for store in self._all_stores if store not in served]
        if others:
            lines.append(f"not served: {', '.join(others)} (serve with --store)")
        return lines

    def close(self) -> None:
        """Stop the embedded DynamoDB and delete its data."""
        self._dynamodb.stop()


def _client() -> str:
    """Return the command of the client, as a user can type it here."""
    client = os.path.join(os.path.dirname(sys.argv[0]), "ddbcfg-client")
    if not os.path.exists(client):  # python -m ddbcfg_daemon
        return f"{sys.executable} -m ddbcfg_client"
    if os.path.isabs(client):
        with suppress(OSError):  # the working directory was removed
            return os.path.relpath(client)
    return client
