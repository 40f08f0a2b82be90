"""The table of this process, with one client for each process, also after a fork.

Parent and child must not use the same sockets, because each could read responses meant for the
other.  So a child makes its own client.  A client from the application cannot be made again: the
child drops the inherited connections, and the client opens new ones.  A program that forks while it
reads should pass a session or None.
"""

from __future__ import annotations

import time
from threading import Lock

from ddbcfg_client.dynamodb import forks
from ddbcfg_client.dynamodb.client import boto3_module, close_client, connect_dynamodb
from ddbcfg_client.dynamodb.credentials import unlock_credentials
from ddbcfg_client.dynamodb.native import native_client
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import StoreClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient, DynamoDBServiceResource

    from ddbcfg_client.dynamodb.key_names import KeyNames

    # What the application may pass.
    Connection = DynamoDBClient | DynamoDBServiceResource | boto3.Session | None

_GAP = 1.0  # minimum seconds between two new clients after refused credentials


class TableConnection:
    """Provides the ``Table``, and connects on first use.

    ``connection`` is a boto3 client, resource or session, or None for the default session.
    """

    def __init__(self, connection: Connection, table_name: str, key_names: KeyNames) -> None:
        # The application's client, which is never closed here; None if clients are made here.
        self._given = _given_client(connection)
        self._session = None if self._given else connection
        self._key_names = key_names
        self._table: Table | None = None
        self._inherited: list[Table] = []
        self._closed = False
        self._refusals = 0
        self._made_at = 0.0
        self._lock = Lock()  # held for a moment only
        self._making = Lock()  # held while a client is made
        self.table_name = table_name
        forks.register(self)

    def table(self, store: str) -> Table:
        """Return the table with this process's client; raise ``StoreClosed``."""
        table = self._open_table(store)
        if table is not None:
            return table
        # Not under the lock of the state: looking for credentials can hang, but close() must not.
        with self._making:
            table = self._open_table(store)
            return self._connected(store) if table is None else table

    def _open_table(self, store: str) -> Table | None:
        with self._lock:
            if self._closed:
                raise StoreClosed(store)
            return self._table

    def _connected(self, store: str) -> Table:
        client = self._given or self._make_client()
        if self._inherited and self._given:
            self._given.close()
        table = Table(client, self.table_name, self._key_names)
        if self._given is None:
            table.on_refused = self._refused
        with self._lock:
            if not self._closed:
                self._table = table
                return table
        if self._given is None:
            close_client(client)
        raise StoreClosed(store)

    def close(self) -> None:
        """Close the connections, unless the client is the application's."""
        with self._lock:
            self._closed = True
            self._drop()

    def _refused(self, table: Table) -> None:
        """Make the next request look for new credentials: those of ``table`` were refused."""
        with self._lock:
            # At most once a second: an application may continue to send requests in many threads.
            if table is self._table and time.monotonic() - self._made_at >= _GAP:
                self._refusals += 1
                self._drop()

    def _drop(self) -> None:
        table, self._table = self._table, None
        if table is not None and self._given is None:
            close_client(table.client)

    def after_fork(self) -> None:
        """Replace the parent's locks and connections."""
        self._lock, self._making = Lock(), Lock()
        unlock_credentials(self._given or self._session)
        if self._table is not None:
            # Kept forever: closing or collecting it takes locks that the parent may have held.
            self._inherited.append(self._table)
            self._table = None

    def _make_client(self) -> DynamoDBClient:
        self._made_at = time.monotonic()
        session: Any = self._session or boto3_module()
        if not self._refusals:
            return connect_dynamodb(session=session)
        from ddbcfg_client.dynamodb.session import Reread

        return connect_dynamodb(session=Reread(session))


def _given_client(connection: Any) -> Any:
    """Return the low-level client in ``connection``; None if it is a session or None."""
    meta = getattr(connection, "meta", None)
    if meta is None:
        if connection is None or callable(getattr(connection, "client", None)):
            return None
    elif getattr(meta, "service_model", None) is not None:
        if meta.service_model.service_name == "dynamodb":
            return connection
    elif getattr(meta, "service_name", None) == "dynamodb":
        return native_client(meta.client)
    raise TypeError(
        "connection must be boto3.client('dynamodb'), boto3.resource('dynamodb'), a boto3.Session "
        f"or None, not {type(connection).__name__}"
    )
