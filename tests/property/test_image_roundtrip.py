"""Whatever a store's options are called, each is found, nothing else is, and the order is one.

G6 (exact) and G8 (a probe, not a search), through a real publisher and a real segment.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from zlib import crc32

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.config import Config
from ddbcfg_client.errors import OptionNotFound
from ddbcfg_client.format.about import About
from ddbcfg_client.format.body import body_of
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.index import home_slot
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.segment import Header, parse_header
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading

# Two words with one CRC-32.  As it is linear, so have all names made of them in the same places.
TWINS = ("plumless", "buckeroo")
FAMILIES = [
    [f"{before}{''.join(middle)}{after}" for middle in itertools.product(TWINS, repeat=3)]
    for before in ("", "db-", "größe/")
    for after in ("", ".x")
]

colliding = st.sampled_from([name for family in FAMILIES for name in family])
names_of_options = st.one_of(
    st.text(max_size=40),
    st.text("ab", max_size=3),
    st.builds(lambda part, count: part * count, st.text(min_size=1, max_size=5), st.just(300)),
    colliding,
)


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    yield publisher
    publisher.close()


def packed(names: Iterable[str]) -> dict[str, bytes]:
    """For each name an option that says its own name, and a number."""
    return {
        name: pack_option(name, {"name": {"S": name}, "n": {"N": str(number)}})
        for number, name in enumerate(names)
    }


def publish(publisher: Publisher, names: Iterable[str]) -> tuple[Config, Header, bytes]:
    """Publish options of these names: a reader of them, and the segment as it is in memory."""
    publisher.publish(Reading(packed(names), time.time_ns()))
    raw = path_of(publisher.names.segment(publisher.generation)).read_bytes()
    return Config(publisher.names, Trust()), parse_header(raw[:512], len(raw)), raw


def test_the_colliding_names_do_collide() -> None:
    for family in FAMILIES:
        assert len(set(family)) == 8
        assert len({crc32(name.encode()) for name in family}) == 1


@settings(max_examples=150)
@given(
    there=st.lists(names_of_options, max_size=30, unique=True),
    absent=st.lists(names_of_options, max_size=10),
)
def test_every_option_is_found_and_no_other(
    publisher: Publisher, there: list[str], absent: list[str]
) -> None:
    config, header, raw = publish(publisher, there)
    snapshot = config.snapshot()
    for name in there:
        assert snapshot[name]["name"] == name
        assert name in snapshot
    for name in {*absent, *itertools.chain(*FAMILIES)} - set(there):
        assert name not in snapshot
        with pytest.raises(OptionNotFound):
            snapshot[name]
    in_order = sorted(there, key=str.encode)
    assert list(snapshot) == in_order
    assert list(config.get()) == in_order
    assert len(snapshot) == len(there)
    assert config.get() == {name: snapshot[name] for name in there}
    snapshot.verify()

    # Any msgpack reader can read the body whole; the digest is the sum of its entries' hashes.
    body = raw[header.body_at :]
    assert crc32(body) == header.body_checksum
    entries = [msgpack.packb(name) + keys for name, keys in packed(there).items()]
    total = sum(int.from_bytes(sha256(entry).digest(), "big") for entry in entries)
    assert f"{total % 2**256:064x}" == config.digest
    plain = msgpack.unpackb(body, ext_hook=msgpack.ExtType)
    assert list(plain) == in_order
    for number, name in enumerate(there):
        assert plain[name] == {"name": name, "n": msgpack.ExtType(1, str(number).encode())}
        assert list(plain[name]) == ["n", "name"]


@given(st.lists(names_of_options, max_size=20, unique=True), st.randoms(use_true_random=False))
def test_the_bytes_do_not_depend_on_the_order_in_which_options_came(
    names: list[str], random: object
) -> None:
    options = packed(names)
    again = dict(random.sample(list(options.items()), len(options)))  # type: ignore[attr-defined]
    about = About(read_at=5, read_boottime=6, source="dynamodb")
    first = PackedStore.of(options).image(1, about, ChangeLog(1))
    second = PackedStore.of(again).image(1, about, ChangeLog(1))
    assert (first.header.pack(), [*first.parts()]) == (second.header.pack(), [*second.parts()])
    assert body_of(options) == body_of(again)


def test_a_store_of_many_blocks_is_found_whole(publisher: Publisher) -> None:
    names = [f"service-{number}/größe" for number in range(5000)]
    config, header, _ = publish(publisher, names)
    assert header.blocks > 8
    assert header.longest_probe < 100
    snapshot = config.snapshot()
    assert all(snapshot[name]["name"] == name for name in names)
    assert not any(f"service-{number}/size" in snapshot for number in range(5000))
    assert list(snapshot) == sorted(names)


def test_names_that_all_want_the_last_slot_are_found_past_the_tables_end(
    publisher: Publisher,
) -> None:
    names = [f"option-{number}" for number in range(20_000)]
    crowd = [name for name in names if home_slot(crc32(name.encode()), 7) == 127][:64]
    assert len(crowd) == 64
    config, header, _ = publish(publisher, crowd)
    assert (header.slot_bits, header.longest_probe) == (7, 64)
    snapshot = config.snapshot()
    assert all(snapshot[name]["name"] == name for name in crowd)
    more = [name for name in names if home_slot(crc32(name.encode()), 7) == 127][64:]
    assert not any(name in snapshot for name in more)
    snapshot.verify()


@pytest.mark.parametrize("length", [0, 31, 32, 255, 256, 1023, 65536])
def test_names_of_every_length_are_found(publisher: Publisher, length: int) -> None:
    name = "x" * length
    config, _, _ = publish(publisher, [name, "other"])
    assert config[name]["name"] == name
    assert list(config) == sorted([name, "other"])
