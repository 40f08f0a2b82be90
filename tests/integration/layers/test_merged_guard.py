"""The guard of the merged store counts a poll only if it read again what changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ddbcfg_client.format.layering import REMOVED
from support.layering import OPTIONS, LayeredStore

Make = Callable[..., LayeredStore]


def test_polls_that_did_not_read_the_layer_again_are_not_counted(make: Make) -> None:
    store = make("--merge", "keys")
    host, eu, common = store.settings.layers
    host = replace(host, settings=replace(host.settings, interval=3600.0))
    store.settings = replace(store.settings, layers=(host, eu, common))
    store.stop()
    store.start()
    store["common"].put(OPTIONS)
    assert store.refresher.poll() is None
    store["host"].put({name: dict(REMOVED) for name in list(OPTIONS)[:15]})
    for read in (2, 3):
        for layer in store.source.layers:
            layer.due._at = 0
        for _ in range(5):  # host is due in the first of them only
            assert "15 of 20 options are gone" in str(store.refresher.poll())
            for layer in store.source.layers[1:]:
                layer.due._at = 0
        assert store["host"].reads == read
        assert f"so far at {read - 1} of 3 scheduled polls" in store.refresher.status.held
    store.source.layers[0].due._at = 0
    assert store.refresher.poll() is None
    assert len(store.config) == 5
