"""SQLite: a file that any process reads, with msgpack in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from msgpack import packb, unpackb

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB

_QUERY = "SELECT keys FROM options WHERE name = ?"


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A lookup by primary key; sqlite3 keeps the prepared statement."""
    path = setting.folder / "options.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE options (name TEXT PRIMARY KEY, keys BLOB) WITHOUT ROWID")
        connection.execute("INSERT INTO options VALUES (?, ?)", ("db", packb(DB)))
        execute = connection.execute

        def read() -> object:
            return unpackb(execute(_QUERY, ("db",)).fetchone()[0])

        yield [Way("SQLite and msgpack", "read()", {"read": read})]
