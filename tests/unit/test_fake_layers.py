"""A FakeConfig merges layers as the daemon does."""

from __future__ import annotations

import pytest

from ddbcfg_client.errors import ValueRefused
from ddbcfg_client.testing import REMOVED, FakeConfig
from ddbcfg_client.testing.application import options_of_a_test

HOST = {"db": {"pool": 9, "debug": REMOVED}}
COMMON = {"db": {"host": "all", "pool": 5, "debug": True}, "web": {"port": 80}}


def test_it_has_what_layers_make() -> None:
    by_key = FakeConfig(layers=[HOST, COMMON], merge="keys")
    assert by_key.get() == {"db": {"host": "all", "pool": 9}, "web": {"port": 80}}
    by_option = FakeConfig(layers=[HOST, COMMON])
    assert by_option.get() == {"db": {"pool": 9}, "web": {"port": 80}}


def test_other_layers_are_one_new_generation() -> None:
    config = FakeConfig(layers=[HOST, COMMON], merge="keys")
    config.set_layers([HOST, COMMON], merge="keys")
    assert config.generation == 1
    config.set_layers([{"web": REMOVED}, COMMON], merge="keys")
    assert (config.generation, config.get()) == (2, {"db": COMMON["db"]})


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(TypeError, match="options or layers"):
        FakeConfig({"db": {}}, layers=[])
    with pytest.raises(ValueError, match="must be options or keys"):
        FakeConfig(layers=[], merge="all")  # type: ignore[arg-type]
    with pytest.raises(ValueRefused):
        FakeConfig(layers=[{"db": {"host": object()}}])


def test_the_fixture_merges_layers_below_what_a_test_sets() -> None:
    with options_of_a_test() as config:
        config.set("web", {"port": 1})
        config.set_layers([HOST, COMMON], merge="keys")
        assert config.get() == {"db": {"host": "all", "pool": 9}, "web": {"port": 1}}
    with pytest.raises(RuntimeError, match="has ended"):
        config.set_layers([])
    with options_of_a_test() as config:
        assert config.get() == {}
