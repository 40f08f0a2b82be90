"""redis on the same host, over a Unix socket, with msgpack in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgpack import packb, unpackb

from benchmarks import services
from benchmarks.alternatives import Setting, Way
from benchmarks.stores import DB


@contextmanager
def ways(setting: Setting) -> Iterator[list[Way]]:
    """A GET over a connection that stays, and decoding; redis-py uses hiredis if it is there."""
    from redis import Redis

    with services.redis(setting.folder) as path, Redis(unix_socket_path=path) as client:
        client.set("db", packb(DB))
        get = client.get

        def read() -> object:
            return unpackb(get("db"))

        yield [Way("redis on a Unix socket", "read()", {"read": read})]
