"""Layout 2 is extended, never replaced: daemon and workers of different releases read each other.

The frozen reader and its daemon's bytes (tests/frozen) stand for the other release, in both
directions; what a later release may add is added here by hand.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from msgpack import packb, unpackb

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import STATUS_WORD, PageStatus, status_slot
from ddbcfg_client.format.segment import HEADER_SIZE, parse_header
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading

FROZEN = Path(__file__).parents[1] / "frozen" / "layout_2"

OPTIONS: dict[str, dict[str, Any]] = {
    "db": {"host": "db-cluster.com", "port": Decimal(27017)},
    "features": {
        "on": True,
        "off": None,
        "beta": {"alice", "bob"},
        "weights": {Decimal("0.5"), Decimal(-7)},
        "keys": {b"a", b"\0\xff"},
        "limits": {"burst": Decimal("2.25"), "retry": [Decimal(1), None, {"a": b"x"}]},
    },
    "größe": {"m": Decimal("1E-7")},
    "nothing": {},
}

# Reads with the frozen client, in a process of its own, and says what it found.
_READ = """
import json, sys
import ddbcfg_client
assert ddbcfg_client.__file__.startswith(sys.argv[2]), ddbcfg_client.__file__
config = ddbcfg_client.connect(sys.argv[1], "prod", max_age=3600)
absent = [name for name in map(str, range(200)) if name in config]
config.snapshot().verify()
status = config.status()
print(json.dumps({
    "everything": repr({name: dict(sorted(keys.items())) for name, keys in config.get().items()}),
    "one by one": repr({name: dict(sorted(config.get(name).items())) for name in config}),
    "absent": absent,
    "digest": config.digest,
    "generation": config.generation,
    "source": config.snapshot().source,
    "polls": status.polls,
    "error": status.error,
    "changes": config.snapshot().changes().log,
}))
"""


def frozen_reader(names: Names) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", _READ, names.namespace, str(FROZEN)],
        cwd=FROZEN,
        env={**os.environ, "PYTHONPATH": str(FROZEN)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publisher.publish(reading({"old": {}}))
    publisher.publish(reading(OPTIONS))
    publisher.report(PageStatus(polls=3, error="away", source="dynamodb"))
    yield publisher
    publisher.close()


def assert_read(found: dict[str, Any], config: Config) -> None:
    """The frozen reader found what today's reader finds."""
    assert found["everything"] == found["one by one"]
    # repr() of a set has no order of its own: the names of the values are compared as text.
    for name in OPTIONS:
        assert repr(name) in found["everything"]
    assert "'port': Decimal('27017')" in found["everything"]
    assert "Decimal('2.25')" in found["everything"]
    assert found["absent"] == []
    assert (found["digest"], found["generation"]) == (config.digest, config.generation)


def test_the_frozen_reader_reads_what_todays_daemon_publishes(publisher: Publisher) -> None:
    found = frozen_reader(publisher.names)
    assert_read(found, Config(publisher.names, Trust()))
    assert (found["polls"], found["error"], found["source"]) == (3, "away", "dynamodb")
    assert found["changes"] == [[2, sorted(OPTIONS), [], ["old"]]]


# --- what a later release may add ----------------------------------------------------------------


def extended_segment(raw: bytes) -> bytes:
    """The segment with a longer header, further words and keys, and a section nobody knows."""
    more, section = 256, b"a section of a later release" + bytes(4)
    header = parse_header(raw[:HEADER_SIZE], len(raw))
    about = unpackb(raw[header.about_at : header.about_at + header.about_size])
    about = packb({**about, "source": "parameter store", "weather": {"sun": [1.5, None]}})
    moved = more + len(section)
    header.header_size += more
    for field in ("slots_at", "blocks_at", "entries_at", "changes_at", "body_at"):
        setattr(header, field, getattr(header, field) + moved)
    # What describes the content goes to the end: no order is promised.
    header.about_at = len(raw) + moved
    header.about_size, header.about_checksum = len(about), crc32(about)
    header.size = header.about_at + len(about)
    head = bytearray(header.pack()[:-8].ljust(header.header_size - 8, b"\0"))
    struct.pack_into("=3Q", head, HEADER_SIZE - 8, 7, 7, 7)  # words of a later release
    return bytes(head) + struct.pack("=Q", crc32(head)) + section + raw[HEADER_SIZE:] + about


def extend_status(page: Path) -> None:
    """Give the current status further keys."""
    raw = bytearray(page.read_bytes())
    at = status_slot(struct.unpack_from("=Q", raw, 8 * STATUS_WORD)[0])
    (size,) = struct.unpack_from("=Q", raw, at + 8)
    status = unpackb(raw[at + 16 : at + 16 + size])
    packed = packb({**status, "source": "parameter store", "layers": [{"name": "eu"}], "x": -1.5})
    slot = struct.pack("=Q", len(packed)) + packed
    raw[at : at + 8 + len(slot)] = struct.pack("=Q", crc32(slot)) + slot
    with page.open("r+b") as file:
        file.write(raw)


@pytest.fixture
def later(publisher: Publisher) -> Names:
    """What a daemon of a later release would have published."""
    segment = path_of(publisher.names.segment(2))
    whole = segment.read_bytes()
    fresh = segment.with_name(f"{segment.name}.fresh")
    fresh.write_bytes(extended_segment(whole))
    fresh.chmod(0o640)
    fresh.replace(segment)
    extend_status(path_of(publisher.names.page))
    return publisher.names


def test_the_frozen_reader_reads_what_a_later_daemon_publishes(later: Names) -> None:
    found = frozen_reader(later)
    assert_read(found, Config(later, Trust()))
    assert (found["polls"], found["source"]) == (3, "parameter store")
    assert found["changes"] == [[2, sorted(OPTIONS), [], ["old"]]]


def test_todays_reader_reads_what_a_later_daemon_publishes(later: Names) -> None:
    config = Config(later, Trust())
    assert config.get() == OPTIONS
    config.snapshot().verify()
    assert config.snapshot().source == config.status().source == "parameter store"


def test_todays_daemon_takes_over_from_a_later_one(publisher: Publisher, later: Names) -> None:
    config = Config(later, Trust())
    assert config.get() == OPTIONS
    publisher.close()
    downgraded = Publisher(later)
    assert downgraded.generation == 2
    assert downgraded.publish(reading(OPTIONS)) is False
    assert downgraded.publish(reading({"db": {}})) is True
    assert (config.get(), config.generation) == ({"db": {}}, 3)
    downgraded.close()


# --- what an earlier daemon left -----------------------------------------------------------------


@pytest.fixture
def earlier(names: Names) -> Names:
    """What the frozen reader's daemon published."""
    for name, file in ((names.page, "page.bin"), (names.segment(2), "segment.bin")):
        path_of(name).write_bytes((FROZEN / file).read_bytes())
        path_of(name).chmod(0o640)
    return names


@pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are a little-endian machine's")
def test_todays_reader_reads_what_the_frozen_readers_daemon_published(earlier: Names) -> None:
    config = Config(earlier, Trust())
    assert (config.get(), config.generation) == (OPTIONS, 2)
    config.snapshot().verify()
    status = config.status()
    assert (status.polls, status.failures, status.error) == (9, 1, "away")
    assert (status.held, status.source) == ("smaller", "dynamodb")
    log = config.snapshot().changes()
    assert log.log == ((2, ("features", "größe", "nothing"), ("db",), ("old",)),)


@pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are a little-endian machine's")
def test_todays_daemon_takes_over_from_the_frozen_readers(earlier: Names) -> None:
    publisher = Publisher(earlier)
    assert publisher.generation == 2
    assert publisher.publish(reading(OPTIONS)) is False  # one digest in both releases
    assert publisher.publish(reading({**OPTIONS, "db": {}})) is True
    found = frozen_reader(earlier)
    assert found["generation"] == 3
    assert found["changes"][-1] == [3, [], ["db"], []]
    publisher.close()
