"""memcached on the same host, over a Unix socket, with msgpack in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from msgpack import packb, unpackb

from benchmarks import services
from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A get over a connection that stays, and decoding."""
    from pymemcache import Client

    with services.memcached(setting.folder) as path, closing(Client(path)) as client:
        client.set("db", packb(DB), noreply=False)
        get = client.get

        def read() -> object:
            return unpackb(get("db"))

        yield [Way("memcached on a Unix socket", "read()", {"read": read})]
