"""A daemon that starts while a layer is away merges the copy of each (G4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ddbcfg_daemon.errors import LayersFailed, LayersUnread
from ddbcfg_daemon.sources.base import Provenance, Reading
from support.layering import AWAY, LayeredStore
from support.shm import reading

Make = Callable[..., LayeredStore]


@pytest.fixture
def store(make: Make) -> LayeredStore:
    """A store with copies on disk that has been published."""
    store = make(copies=True)
    store["host"].put({"db": {"host": "mine"}})
    store["common"].put({"db": {"host": "all"}, "web": {"port": 1}})
    content = reading({"eu": {"zone": 1}})
    provenance = Provenance("e1", 7, 7, "log")
    store["eu"].content = Reading(content.options, content.read_at, provenance=provenance)
    assert store.refresher.poll() is None
    return store


@pytest.mark.parametrize("reboot", [False, True])
def test_one_layer_is_away_after_a_restart_and_another_has_changed(
    store: LayeredStore, *, reboot: bool
) -> None:
    store.stop(reboot=reboot)
    store.start()
    store["host"].content = AWAY
    store["common"].put({"db": {"host": "new"}, "web": {"port": 2}})
    assert isinstance(store.refresher.poll(), LayersFailed)
    assert store.config.get() == {
        "db": {"host": "mine"},
        "eu": {"zone": 1},
        "web": {"port": 2},
    }
    assert store.config.generation == 2
    assert {name: state.source for name, state in store.states.items()} == {
        "host": "disk",
        "eu": "dynamodb",
        "common": "dynamodb",
    }
    # A layer with a revision is not read in full after a restart (G12).
    served = store["eu"].served[-1]
    assert served is not None
    assert (served.epoch, served.revision) == ("e1", 7)


def test_all_layers_are_away_after_a_reboot(store: LayeredStore) -> None:
    store.stop(reboot=True)
    store.start()
    for table in store.tables.values():
        table.content = AWAY
    assert isinstance(store.refresher.poll(), LayersFailed)
    assert len(store.config) == 3
    assert store.config.status().source == "disk"
    assert store.config.age is not None


def test_a_layer_without_a_copy_that_is_away_leaves_what_is_published(make: Make) -> None:
    store = make()
    store["host"].put({"db": {"host": "mine"}})
    store["common"].put({"db": {"host": "all"}})
    store.refresher.poll()
    store.stop()
    store.start()
    store["host"].content = AWAY
    store["common"].put({"db": {"host": "new"}})
    assert isinstance(store.refresher.poll(), LayersUnread)
    assert store.config.get("db") == {"host": "mine"}


def test_the_copy_of_a_layer_from_elsewhere_is_not_used(store: LayeredStore) -> None:
    first = store.settings.layers[0]
    from dataclasses import replace

    moved = replace(first, settings=replace(first.settings, table="other"))
    names = {layer.copy_names(store.settings).page for layer in (first, moved)}
    assert len(names) == 2
