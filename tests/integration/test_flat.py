"""G8, flat: what a read costs does not grow with the store.  Counted, not timed."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

import ddbcfg_client
from ddbcfg_client import snapshot
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.readonly import ReadOnlyDict
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading

SMALL, LARGE = 10, 20_000
WANTED = ("option 1", "option 5", "option 9")


class Count:
    """What readers did since the last ``reset``: calls of read and their bytes, and decodings."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.decoded = 0
        # What asking itself takes: the second answer has it, compared with the first.
        first, self._start = _read_by_this_thread(), _read_by_this_thread()
        self._asked = 0
        self._asking = [after - before for before, after in zip(first, self._start, strict=True)]

    @property
    def reads(self) -> int:
        return self._since()[0]

    @property
    def bytes(self) -> int:
        return self._since()[1]

    def _since(self) -> list[int]:
        now = _read_by_this_thread()
        self._asked += 1
        counted = zip(now, self._start, self._asking, strict=True)
        return [number - start - self._asked * asking for number, start, asking in counted]


def _read_by_this_thread() -> tuple[int, int]:
    """Return how often this thread has read, and how many bytes, as the kernel counts them."""
    text = Path("/proc/thread-self/io").read_bytes()
    fields = dict(line.split(b": ") for line in text.splitlines())
    return int(fields[b"syscr"]), int(fields[b"rchar"])


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Count:
    count = Count()

    def counting_decode(raw: bytes) -> ReadOnlyDict:
        count.decoded += 1
        return unpack_option(raw)

    monkeypatch.setattr(snapshot, "unpack_option", counting_decode)
    return count


class Store:
    """A published store of *size* options."""

    def __init__(self, names: Names, size: int) -> None:
        self.publisher = Publisher(names)
        self.options = {name: packed(0) for name in map("option {}".format, range(size))}
        self.publish()

    def change(self, name: str, number: int) -> None:
        self.options[name] = packed(number)
        self.publish()

    def publish(self) -> None:
        self.publisher.publish(Reading(dict(self.options), time.time_ns()))


def packed(number: int) -> bytes:
    return pack_option("any", {"number": {"N": str(number)}, "text": {"S": "x" * 150}})


@pytest.fixture(params=[SMALL, LARGE])
def store(request: pytest.FixtureRequest, names: Names) -> Iterator[Store]:
    store = Store(names, request.param)
    yield store
    store.publisher.close()


def test_an_option_is_found_by_a_probe_and_decoded_alone(store: Store, count: Count) -> None:
    config = ddbcfg_client.connect(store.publisher.names.namespace, "prod")
    for name in WANTED:
        count.reset()
        assert config.get(name)["number"] == 0
        # Some slots, the option's place, the option: at any size of the store.
        assert (count.reads, count.decoded) == (3, 1)
        assert count.bytes < 1000
    count.reset()
    assert all(config.get(name) is config[name] for name in WANTED)
    assert (count.reads, count.decoded) == (0, 0)


def test_a_new_generation_costs_what_is_asked_of_it(store: Store, count: Count) -> None:
    config = ddbcfg_client.connect(store.publisher.names.namespace, "prod")
    before = [config.get(name) for name in WANTED]
    store.change(WANTED[0], 1)
    count.reset()
    assert config.get(WANTED[0])["number"] == 1
    assert (count.reads, count.decoded) == (4, 1)  # the header, too
    # What did not change is found, and known: it is the same object.
    assert [config.get(name) for name in WANTED[1:]] == before[1:]
    assert all(config.get(name) is old for name, old in zip(WANTED[1:], before[1:], strict=True))
    assert (count.reads, count.decoded) == (10, 1)
    assert count.bytes < 3500


def test_what_is_absent_is_looked_for_once(store: Store, count: Count) -> None:
    config = ddbcfg_client.connect(store.publisher.names.namespace, "prod")
    config.get("absent", None)
    assert count.reads <= 5  # some slots once more, with their checksums
    count.reset()
    for _ in range(10):
        assert config.get("absent", 5) == 5
        assert "absent" not in config
        with pytest.raises(ddbcfg_client.OptionNotFound):
            config["absent"]
    assert (count.reads, count.decoded) == (0, 0)
    store.options["absent"] = packed(7)
    store.publish()
    assert config.get("absent")["number"] == 7


def test_names_that_somebody_makes_up_do_not_fill_memory(store: Store) -> None:
    config = ddbcfg_client.connect(store.publisher.names.namespace, "prod")
    tracemalloc.start()
    try:
        for number in range(20_000):
            config.get(f"made up {number}", None)
        for number in range(10):
            config.get(f"{number}" * 1_000_000, None)
        assert tracemalloc.get_traced_memory()[0] < 400_000
    finally:
        tracemalloc.stop()


def test_a_worker_keeps_what_it_read_and_no_more(store: Store) -> None:
    namespace = store.publisher.names.namespace
    ddbcfg_client.connect(namespace, "prod").get(WANTED[0])
    tracemalloc.start()
    try:
        config = ddbcfg_client.connect(namespace, "prod")
        for name in WANTED:
            config.get(name)
        # With the control page that is mapped, which tracemalloc does not see.
        assert tracemalloc.get_traced_memory()[0] < 30_000
    finally:
        tracemalloc.stop()


def test_what_was_replaced_is_freed_by_the_publisher_not_by_a_read(store: Store) -> None:
    """To free the pages of a large segment takes milliseconds, so its name keeps them meanwhile."""
    names = store.publisher.names
    config = ddbcfg_client.connect(names.namespace, "prod")
    first = path_of(names.segment(1))
    store.change(WANTED[0], 1)
    assert config.get(WANTED[0])["number"] == 1
    assert first.exists()
    store.publisher.verify()
    assert not first.exists()
