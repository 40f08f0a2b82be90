"""What is kept from one poll to the next does not show in packed options."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import MalformedValue, ResponseMalformed
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.sources.item_packer import Item, ItemPacker
from support.kept_between_polls import LOOKALIKES, item, stores

SECRET = "p1anted-s3cret"


def items_of(store: dict[str, dict[str, Any]]) -> list[Item]:
    return [item(name, **keys) for name, keys in store.items()]


def new_packer() -> ItemPacker:
    events = SimpleNamespace(register=lambda *_, **__: None)
    meta = SimpleNamespace(events=events, region_name="here", endpoint_url="nowhere")
    return ItemPacker(Table(SimpleNamespace(meta=meta), "config"), "prod")  # type: ignore[arg-type]


@pytest.fixture
def packer() -> ItemPacker:
    return new_packer()


@settings(max_examples=200)
@given(st.lists(stores, min_size=1, max_size=6), st.integers(1, 3))
def test_every_poll_finds_what_a_first_poll_would(
    polls: list[dict[str, dict[str, Any]]], size: int
) -> None:
    packer = new_packer()
    for store in polls:
        items = items_of(store)
        pages = [items[at : at + size] for at in range(0, len(items), size)]
        expected = {name: pack_option(name, keys) for name, keys in store.items()}
        assert packer.pack(pages) == (expected, [])


@pytest.mark.parametrize("before", LOOKALIKES, ids=str)
def test_a_value_that_looks_the_same_is_another(packer: ItemPacker, before: dict[str, Any]) -> None:
    for after in LOOKALIKES:
        packer.pack([[item("db", key=before)]])
        read, _ = packer.pack([[item("db", key=after)]])
        assert read == {"db": pack_option("db", {"key": after})}


def test_what_has_not_changed_is_not_packed_again(packer: ItemPacker, packed: list[str]) -> None:
    store = {name: {"host": {"S": name}} for name in ("a", "b", "c")}
    first, _ = packer.pack([items_of(store)])
    assert packed == ["a", "b", "c"]
    second, _ = packer.pack([items_of(store)])
    assert packed == ["a", "b", "c"]
    for (name, keys), (same_name, same_keys) in zip(first.items(), second.items(), strict=True):
        assert name is same_name
        assert keys is same_keys


def test_of_many_options_the_one_that_changed_is_packed(
    packer: ItemPacker, packed: list[str]
) -> None:
    store = {f"option-{number}": {"n": {"N": str(number)}} for number in range(100)}
    packer.pack([items_of(store)])
    packed.clear()
    store["option-50"] = {"n": {"N": "7"}}
    read, _ = packer.pack([items_of(store)])
    assert packed == ["option-50"]
    assert read["option-50"] == pack_option("option-50", {"n": {"N": "7"}})


def test_attributes_in_another_order_are_the_same_option(packer: ItemPacker) -> None:
    one = item("db", a={"S": "1"}, b={"S": "2"})
    first = packer.pack([[dict(one)]])
    assert packer.pack([[dict(reversed(one.items()))]]) == first


def test_what_is_gone_is_forgotten(packer: ItemPacker) -> None:
    packer.pack([items_of({str(number): {} for number in range(50)})])
    packer.pack([items_of({"1": {}})])
    assert len(packer._known.options) == 1
    packer.pack([])
    assert not packer._known.options


def test_a_reading_that_breaks_off_takes_nothing_away(
    packer: ItemPacker, packed: list[str]
) -> None:
    store: dict[str, dict[str, Any]] = {"a": {}, "b": {}}
    first = packer.pack([items_of(store)])
    packed.clear()

    def breaking() -> Iterator[list[Item]]:
        yield items_of({"a": {"new": {"S": "x"}}})
        raise TimeoutError

    with pytest.raises(TimeoutError):
        packer.pack(breaking())
    packed.clear()
    assert packer.pack([items_of(store)]) == first
    assert packed == []


def test_of_two_items_of_one_name_the_last_counts_at_every_poll(packer: ItemPacker) -> None:
    pages = [[item("a", n={"N": n})] for n in ("1", "2", "1")]
    for _ in range(3):
        assert packer.pack(copy.deepcopy(pages))[0] == {"a": pack_option("a", {"n": {"N": "1"}})}
        assert packer.pack(copy.deepcopy(pages[:2]))[0] == {
            "a": pack_option("a", {"n": {"N": "2"}})
        }


def test_what_has_no_string_for_a_name_is_skipped_at_every_poll(packer: ItemPacker) -> None:
    odd = {"_store": {"S": "prod"}, "_option": {"N": "5"}}
    for _ in range(2):
        assert packer.pack([[dict(odd), item("a")]]) == ({"a": b"\x80"}, ["{'N': '5'}"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"_store": {"S": "test"}, "_option": {"S": "a"}},
        {"_option": {"S": "a"}},
        {"_store": {"S": "prod"}},
        item("a", key={"X": SECRET}),
        item("a", key=None),
        item("a", key={"N": 1 << 70}),
        item("a", key={"S": f"{SECRET}\ud800"}),
        item("a", key={"S": [SECRET]}),
        item("a", key={"N": SECRET}),
        item(["a"]),  # type: ignore[arg-type]
        None,
    ],
    ids=str,
)
def test_what_is_no_item_is_refused_at_every_poll_and_not_shown(
    packer: ItemPacker, wrong: Any
) -> None:
    packer.pack([[item("a"), item("b")]])
    for _ in range(2):
        try:
            read = packer.pack([[item("a"), copy.deepcopy(wrong)]])
        except (ResponseMalformed, MalformedValue) as error:
            assert SECRET not in str(error)
        else:
            assert read == ({"a": b"\x80"}, ["{'S': ['a']}"])


@pytest.mark.parametrize("wrong", [{"S": f"{SECRET}\ud800"}, {"N": 1 << 70}, {"S": {SECRET}}])
def test_what_no_item_can_hold_is_named_and_not_taken_for_known(
    packer: ItemPacker, wrong: dict[str, Any]
) -> None:
    for _ in range(2):
        with pytest.raises(MalformedValue, match="option 'db', key ") as caught:
            packer.pack([[item("a"), item("db", password=wrong)]])
        assert SECRET not in str(caught.value)
    assert packer.pack([[item("db")]]) == ({"db": b"\x80"}, [])


@settings(max_examples=100)
@given(stores, stores, stores)
def test_what_is_adopted_between_polls_changes_no_reading(
    first: dict[str, dict[str, Any]],
    between: dict[str, dict[str, Any]],
    last: dict[str, dict[str, Any]],
) -> None:
    packer = new_packer()
    kept, _ = packer.pack([items_of(first)])
    expected = {name: pack_option(name, keys) for name, keys in between.items()}
    known = {name: kept.get(name, keys) if kept.get(name) == keys else keys
             for name, keys in reversed(expected.items())}  # fmt: skip
    adopted = packer.adopt(known)
    assert (adopted, list(adopted)) == (expected, sorted(expected))
    last = dict(sorted(last.items()))
    read, _ = packer.pack([items_of(last)])
    assert read == {name: pack_option(name, keys) for name, keys in last.items()}
    assert all(read[name] is known[name] for name in read if read[name] == known.get(name))
    assert packer.pack([items_of(last)])[0] is read


def test_an_adopted_option_is_packed_once_and_keeps_its_object(
    packer: ItemPacker, packed: list[str]
) -> None:
    store = {name: {"host": {"S": name}} for name in ("a", "b", "c")}
    first, _ = packer.pack([items_of(store)])
    changed = {"host": {"S": "new"}}
    adopted = packer.adopt({**first, "b": pack_option("b", changed)})
    packed.clear()
    store["b"] = changed
    assert packer.pack([items_of(store)])[0] is adopted
    assert packed == ["b"]
    assert packer.pack([items_of(store)])[0] is adopted
    assert packed == ["b"]
