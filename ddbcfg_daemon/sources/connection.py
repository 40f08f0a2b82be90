"""The daemon's one connection to a table: created by a poll, and replaced if that may help.

botocore searches for credentials once, when a client is created, and keeps the result: "none" if
the metadata service did not respond in time, or the keys that a file contained then.  Only a new
session searches the whole chain again.  So a client whose credentials are missing or refused is
dropped, and the next poll creates another.  The schedule's backoff limits how often this happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from threading import Lock

from ddbcfg_client.dynamodb.client import close_client
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import ConfigError
from ddbcfg_daemon.memory import settle

#: Minimum seconds between two searches for credentials, even if many stores fail at the same time.
GAP = 1.0


class Connection:
    """A connection shared by the sources of all stores of one table.

    ``connect`` returns a table with a new client.
    """

    def __init__(
        self, connect: Callable[[], Table], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._lock = Lock()
        self._table: Table | None = None
        self._error: ConfigError | None = None
        self._tried_at = -GAP

    def table(self) -> Table:
        """Return the table; connect if there is no connection.  Raise what ``connect`` raises."""
        with self._lock:
            if self._table is None:
                self._table = self._made()
            return self._table

    def _refused(self, table: Table) -> None:
        """Make the next poll search for credentials again: those of ``table`` were refused."""
        with self._lock:
            # Another store may have dropped the client already, or searched a moment ago.
            if table is not self._table or self._clock() - self._tried_at < GAP:
                return
            self._table = None
        close_client(table.client)

    def _made(self) -> Table:
        if self._error is not None and self._clock() - self._tried_at < GAP:
            raise copy(self._error)
        self._tried_at = self._clock()
        try:
            made = self._connect()
        except ConfigError as error:
            self._error = error.with_traceback(None)
            raise copy(error) from error.__cause__
        self._error = None
        made.on_refused = self._refused
        settle()
        return made
