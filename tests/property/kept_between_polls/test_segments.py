"""What is kept from one poll to the next does not show in segments, or in what is published."""

from __future__ import annotations

import copy
import errno
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.config import Config
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.format import builder as image
from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import PackedStore
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.values import pack_option
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.item_packer import Item
from ddbcfg_daemon.sources.store import StoreSource
from support.kept_between_polls import item, stores

# --- from packed options to a segment ------------------------------------------------------------


def segment_of(content: PackedStore, generation: int) -> bytes:
    made = content.image(generation, About(generation, 0, "dynamodb"), ChangeLog(generation))
    return made.header.pack() + b"".join(made.parts())


def assert_same(content: PackedStore, options: dict[str, bytes]) -> None:
    """What follows another content is what it would be without one, and so are the digests."""
    scratch = PackedStore.of(options)
    assert segment_of(content, 5) == segment_of(scratch, 5)
    assert dict(content.options()) == options


@settings(max_examples=200)
@given(st.lists(stores, min_size=1, max_size=8), st.data())
def test_a_segment_is_the_same_whatever_came_before_it(
    polls: list[dict[str, dict[str, Any]]], data: st.DataObject
) -> None:
    content = PackedStore.of({})
    before: dict[str, bytes] = {}
    known: dict[bytes, bytes] = {}  # so that equal options are one object, as those of a poll are
    for store in polls:
        names = data.draw(st.permutations(list(store)))
        packed = {name: pack_option(name, store[name]) for name in names}
        kept = {name: known.setdefault(keys, keys) for name, keys in packed.items()}
        content = content.follow(kept)
        assert_same(content, kept)
        added, changed, removed = content.differences
        assert set(added) == kept.keys() - before.keys()
        assert set(removed) == before.keys() - kept.keys()
        assert set(changed) == {n for n in kept if n in before and before[n] != kept[n]}
        before = kept


def test_a_content_that_cannot_be_made_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = ({str(n): bytes([0x80]) * 5 for n in range(9)} for _ in range(2))
    after |= {"3": b"\x81\xa1a\xc0", "7": b"\x81\xa1b\xc0"}
    content = PackedStore.of(before)
    whole = image.crc32
    for calls in range(4):
        left = iter(range(calls))

        def failing(*of: Any, left: Iterator[int] = left) -> int:
            if next(left, None) is None:
                raise MemoryError
            return whole(*of)

        monkeypatch.setattr(image, "crc32", failing)
        with pytest.raises(MemoryError):
            content.follow(after)
        monkeypatch.undo()
        assert_same(content, before)
        assert_same(content.follow(after), after)


# --- from DynamoDB to what is published ----------------------------------------------------------


class FakeDynamoDB:
    """A client whose table has one store, ``items``, and is asked for pages."""

    def __init__(self, items: list[Item]) -> None:
        events = SimpleNamespace(register=lambda *_, **__: None)
        self.meta = SimpleNamespace(events=events, region_name="here", endpoint_url="nowhere")
        self.items = items
        self.pages: list[int] = []

    def describe_table(self, **_: object) -> dict[str, Any]:
        keys = {"_store": "HASH", "_option": "RANGE"}
        return {
            "Table": {
                "TableStatus": "ACTIVE",
                "KeySchema": [{"AttributeName": k, "KeyType": v} for k, v in keys.items()],
                "AttributeDefinitions": [{"AttributeName": k, "AttributeType": "S"} for k in keys],
            }
        }

    def query(self, *, Limit: int, **request: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's
        start = request.get("ExclusiveStartKey")
        at = self.items.index(start) + 1 if start else 0
        page = self.items[at : at + Limit]
        self.pages.append(len(page))
        more = at + Limit < len(self.items)
        last = {"LastEvaluatedKey": copy.deepcopy(page[-1])} if more else {}
        return {"Items": copy.deepcopy(page), "Count": len(page), **last}


def test_a_poll_of_a_store_that_has_not_changed_packs_and_builds_nothing(
    names: Names, packed: list[str], built: list[int]
) -> None:
    dynamodb = FakeDynamoDB([item(f"{number:05}") for number in range(2500)])
    table = Table(dynamodb, "config")  # type: ignore[arg-type]
    source = StoreSource(Connection(lambda: table), "prod", consistent=False)
    publisher = Publisher(names)
    assert publisher.publish(source.read(lambda: None)) is True
    assert dynamodb.pages == [1000, 1000, 500]  # small: see docs/architecture.md
    assert (len(packed), built) == (2500, [1])
    for _ in range(3):
        assert publisher.publish(source.read(lambda: None)) is False
    assert (len(packed), built) == (2500, [1])
    dynamodb.items[1700]["key"] = {"S": "new"}
    assert publisher.publish(source.read(lambda: None)) is True
    assert (packed[2500:], built) == (["01700"], [1, 2])
    config = Config(names, Trust())
    assert (len(config), config["01700"], config["01701"]) == (2500, {"key": "new"}, {})
    publisher.close()


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generations that were built, published or not."""
    generations: list[int] = []
    build = PackedStore.image

    def counting(self: PackedStore, generation: int, *of: Any) -> image.Image:
        generations.append(generation)
        return build(self, generation, *of)

    monkeypatch.setattr(PackedStore, "image", counting)
    return generations


def reading_of(names: Iterable[str], value: str = "1", **others: str) -> Reading:
    values = dict.fromkeys(names, value) | others
    return Reading({name: pack_option(name, {"n": {"N": n}}) for name, n in values.items()}, 1)


def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    calls: list[object] = []
    real: Callable[..., Any] = getattr(image, name)

    def counting(*of: object) -> Any:
        calls.append(of)
        return real(*of)

    monkeypatch.setattr(image, name, counting)
    return calls


def test_an_unchanged_reading_builds_nothing(names: Names, built: list[int]) -> None:
    publisher = Publisher(names)
    assert publisher.publish(reading_of("ab")) is True
    assert publisher.publish(reading_of("ba")) is False
    assert built == [1]
    publisher.close()


def test_a_publisher_that_takes_over_knows_that_nothing_changed(
    names: Names, built: list[int]
) -> None:
    first = Publisher(names)
    first.publish(reading_of("ab"))
    first.close()
    built.clear()
    publisher = Publisher(names)
    for _ in range(3):
        assert publisher.publish(reading_of("ab")) is False
    assert built == []
    assert publisher.publish(reading_of("ab", b="2")) is True
    assert publisher.generation == 2
    publisher.close()


def test_of_many_options_one_entry_is_computed_for_one_that_changed(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher(names)
    options = dict(reading_of(map(str, range(1000))).options)
    publisher.publish(Reading(options, 1))
    begun, summed = counted(monkeypatch, "body_of"), counted(monkeypatch, "crc32")
    publisher.publish(Reading(options | reading_of(["500"], "2").options, 1))
    assert begun == []
    parts = len(list(image.joined(publisher._store._content.pieces)))
    # Its name and keys; block table, the two small maps, and the body in parts.
    assert len(summed) <= 5 + parts < 10
    publisher.close()


@pytest.mark.parametrize("step", ["create", "write", "mode", "acquire", "announce", "release"])
def test_what_was_not_published_is_not_taken_for_it(names: Names, step: str) -> None:
    fail = False

    def at(now: str) -> None:
        if fail and now == step:
            raise OSError(errno.ENOSPC, "full")

    publisher = Publisher(names, at=at)
    one, two = reading_of("ab"), reading_of("ab", b="2")
    publisher.publish(one)
    for reading in (two, one, two):
        fail = True
        with pytest.raises(OSError, match="full"):
            publisher.publish(reading)
        fail = False
        publisher.publish(reading)
        value = 1 if reading is one else 2
        config = Config(names, Trust())
        assert (config["b"]["n"], config.generation) == (value, publisher.generation)
        assert publisher.publish(reading) is False
    publisher.close()
