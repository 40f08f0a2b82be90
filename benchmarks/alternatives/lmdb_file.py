"""LMDB: a memory-mapped file that any process reads, with msgpack in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgpack import packb, unpackb

from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A read transaction for each read, and decoding."""
    import lmdb

    with lmdb.open(str(setting.folder / "lmdb"), map_size=1 << 20) as environment:
        with environment.begin(write=True) as transaction:
            transaction.put(b"db", packb(DB))

        def read() -> object:
            with environment.begin(buffers=True) as transaction:
                return unpackb(transaction.get(b"db"))

        yield [Way("LMDB and msgpack", "read()", {"read": read})]
