"""Every merge of layers is what a plain reference makes of the same options, at once or in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ddbcfg_client.dynamodb.values import attributes_of
from ddbcfg_client.format.layering import MERGES, REMOVED, Layering, origins
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option

Store = dict[str, dict[str, Any]]

_VALUES = st.sampled_from([REMOVED, 1, 2, "text", None, True, {"a": 1}, {"b": REMOVED}, [REMOVED]])
_KEYS = st.dictionaries(st.sampled_from(["host", "port", "ttl"]), _VALUES, max_size=3)
_OPTIONS = st.one_of(st.just(dict(REMOVED)), _KEYS)
_STORES = st.dictionaries(st.sampled_from(["cache", "db", "web", "z"]), _OPTIONS, max_size=4)
_LAYERS = st.lists(_STORES, min_size=1, max_size=5)
merges = pytest.mark.parametrize("merge", MERGES)


def packed(store: Store) -> dict[str, bytes]:
    return {name: pack_option(name, attributes_of(name, keys)) for name, keys in store.items()}


def reference(layers: Sequence[Store], merge: str) -> Store:
    """The merged store, option by option and key by key, from the lowest layer up."""
    merged: Store = {}
    for layer in reversed(layers):
        for option, keys in layer.items():
            if keys == REMOVED:
                merged.pop(option, None)
                continue
            below = merged.get(option, {}) if merge == "keys" else {}
            above = {**below, **keys}
            merged[option] = {key: value for key, value in above.items() if value != REMOVED}
    return merged


def plain(options: Mapping[str, bytes]) -> Store:
    return {name: dict(unpack_option(packed)) for name, packed in options.items()}


@merges
@settings(max_examples=100)
@given(layers=_LAYERS)
def test_a_merge_is_what_a_plain_reference_makes(merge: str, layers: list[Store]) -> None:
    merged = Layering.of([packed(layer) for layer in layers], merge).options
    assert merged == dict(sorted(packed(reference(layers, merge)).items()))
    assert list(merged) == sorted(merged)


@merges
@settings(max_examples=100)
@given(layers=_LAYERS, steps=st.lists(st.tuples(st.integers(0, 4), _STORES), max_size=5))
def test_a_merge_after_changes_is_what_a_first_one_would_be(
    merge: str, layers: list[Store], steps: list[tuple[int, Store]]
) -> None:
    contents = [packed(layer) for layer in layers]
    merged = Layering.of(contents, merge)
    for number, store in steps:
        contents = list(contents)
        contents[number % len(contents)] = packed(store)
        before, merged = merged, merged.follow(contents)
        assert list(merged.options.items()) == list(Layering.of(contents, merge).options.items())
        if merged.options == before.options:
            assert merged.options is before.options
        for name in merged.options.keys() & before.options.keys():
            same = merged.options[name] == before.options[name]
            assert same is (merged.options[name] is before.options[name])


@merges
@settings(max_examples=100)
@given(layers=_LAYERS)
def test_the_origin_of_a_key_is_the_layer_that_has_its_value(
    merge: str, layers: list[Store]
) -> None:
    contents = [packed(layer) for layer in layers]
    merged = reference(layers, merge)
    for option in {name for layer in layers for name in layer}:
        found = origins(contents, merge, option)
        keys = {key for key, origin in found.items() if origin.value is not None}
        assert keys == set(merged.get(option, {}))
        for key, origin in found.items():
            if origin.value is not None:
                value = layers[origin.layer][option][key]
                assert merged[option][key] == value
            # Nothing is left out: every value of a layer is the one that counts, or hidden.
            holders = [
                number
                for number, layer in enumerate(layers)
                if layer.get(option, REMOVED) != REMOVED
                and layer[option].get(key, REMOVED) != REMOVED
            ]
            shown = [origin.layer] if origin.value is not None else []
            assert [*shown, *(number for number, _ in origin.hidden)] == holders


def test_a_merge_reads_no_option_that_did_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    from ddbcfg_client.format import layering

    names = [f"option-{number:03}" for number in range(100)]
    lower = packed({name: {"a": 1, "b": 2} for name in names})
    upper = packed({name: {"a": 3} for name in names})
    merged = Layering.of([upper, lower], "keys")
    read: list[str] = []
    one = layering.merged_option
    monkeypatch.setattr(
        layering,
        "merged_option",
        lambda layers, merge, option: read.append(option) or one(layers, merge, option),
    )
    after = merged.follow([upper, {**lower, **packed({"option-050": {"b": 5}})}])
    assert read == ["option-050"]
    assert dict(unpack_option(after.options["option-050"])) == {"a": 3, "b": 5}
