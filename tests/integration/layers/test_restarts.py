"""A daemon that starts while a layer is away merges the copy of each (G4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ddbcfg_client.format.layering import REMOVED
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon.errors import LayersFailed, LayersUnread
from ddbcfg_daemon.outputs.collector import registry_of
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.sources.base import Provenance, Reading
from support.layering import AWAY, OPTIONS, LayeredStore
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


def test_a_restart_does_not_postpone_the_full_reading_of_a_layer(store: LayeredStore) -> None:
    """With --once from a timer, a layer with a revision was never read in full again."""

    def full_age_after_a_restart(*, whole: bool) -> float:
        content = store["eu"].content
        assert isinstance(content, Reading)
        store["eu"].content = replace(content, whole=whole)
        assert store.reload() is None
        store.stop()
        store.start()
        assert store.reload() is None
        served = store["eu"].served[-1]
        assert served is not None
        return served.full_age

    first = full_age_after_a_restart(whole=False)
    # The second daemon kept what it found.
    assert first < full_age_after_a_restart(whole=False) < 3600.0
    began = boottime()
    assert full_age_after_a_restart(whole=True) <= (boottime() - began) / 1e9


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


@pytest.mark.parametrize("reboot", [False, True])
def test_a_copy_that_is_older_than_what_was_served_is_not_merged(
    store: LayeredStore, caplog: pytest.LogCaptureFixture, *, reboot: bool
) -> None:
    """G4: content that was replaced does not come back."""
    file = store.copy_file("eu")
    store.refresher.finish_copy(20.0)
    older = file.read_bytes()
    store["eu"].put({"eu": {"zone": 2}})
    assert store.reload() is None
    store.stop(reboot=reboot)
    file.write_bytes(older)  # as if the disk had been full
    store.start()
    store["eu"].content = AWAY
    store["common"].put({"db": {"host": "new"}, "web": {"port": 2}})
    failed = store.refresher.poll()
    assert isinstance(failed, LayersUnread)
    assert "its copy on disk is older than what was published" in str(failed)
    assert store.config.get("eu") == {"zone": 2}
    assert store.config.get("web") == {"port": 1}
    assert store.states["eu"].copy_error
    assert copy_failed(store) == {"host": 0, "eu": 1, "common": 0}
    assert "layer eu: its copy on disk is older" in caplog.text
    store["eu"].put({"eu": {"zone": 3}})
    assert store.reload() is None
    assert store.config.get("eu") == {"zone": 3}
    assert store.config.get("web") == {"port": 2}
    assert store.states["eu"].copy_error == ""


def test_a_copy_that_could_not_be_read_for_a_while_is_known_to_be_older(
    store: LayeredStore,
) -> None:
    """G4: each restart keeps the copy anew, also if nothing is published."""
    for _ in range(3):
        store.stop()
        store.start()
        assert store.refresher.poll() is None
    store.stop()
    file = store.copy_file("eu")
    older = file.read_bytes()
    file.unlink()  # as if the file system were not mounted
    store.start()
    store["eu"].put({"eu": {"zone": 2}})
    assert store.refresher.poll() is None
    store.stop()
    file.write_bytes(older)
    store.start()
    store["eu"].content = AWAY
    failed = store.refresher.poll()
    assert store.config.get("eu") == {"zone": 2}
    assert "its copy on disk is older than what was published" in str(failed)


def test_what_another_daemon_published_meanwhile_is_not_replaced_from_memory(
    store: LayeredStore,
) -> None:
    """A daemon that lost the lock of a store, and gets it again, goes on with the same layers."""
    mine = store.source
    store.stop()
    store.start()
    store["eu"].put({"eu": {"zone": 2}})
    assert store.refresher.poll() is None
    store.stop()
    store.start(mine)
    store["eu"].content = AWAY
    assert isinstance(store.refresher.poll(), LayersUnread)
    assert store.config.get("eu") == {"zone": 2}
    store["eu"].put({"eu": {"zone": 3}})
    assert store.reload() is None
    assert store.config.get("eu") == {"zone": 3}


def copy_failed(store: LayeredStore) -> dict[str, float]:
    served = ServedStore(store.settings.names, lambda: store.refresher, interval=60.0, end=print)
    served.refresher = store.refresher
    families = registry_of(lambda: [served], live=False).collect()
    (family,) = (family for family in families if family.name == "ddbcfg_layer_copy_failed")
    return {sample.labels["layer"]: sample.value for sample in family.samples}


def test_an_older_copy_of_the_same_content_is_merged(store: LayeredStore) -> None:
    file = store.copy_file("eu")
    store.refresher.finish_copy(20.0)
    older = file.read_bytes()
    for zone in (2, 1):
        store["eu"].put({"eu": {"zone": zone}})
        assert store.reload() is None
    store.stop()
    file.write_bytes(older)
    store.start()
    store["eu"].content = AWAY
    store["common"].put({"web": {"port": 2}})
    assert isinstance(store.refresher.poll(), LayersFailed)
    assert store.config.get() == {"db": {"host": "mine"}, "eu": {"zone": 1}, "web": {"port": 2}}


@pytest.mark.parametrize("copies", [False, True])
def test_a_layer_that_vanished_during_a_restart_is_held_also_without_a_copy(
    make: Make, *, copies: bool
) -> None:
    store = make(copies=copies)
    store["host"].put({"db": {"host": "mine"}})
    store["common"].put({"db": {"host": "all"}, **OPTIONS})
    store.refresher.poll()
    store.stop()
    if copies:
        store.copy_file("host").unlink()
    store.start()
    store["host"].put({})
    for _ in range(4):
        failed = store.refresher.poll()
        assert isinstance(failed, LayersUnread)
        assert "its only option is gone" in str(failed)
        store.source.layers[0].due._at = 0
    assert store.config.get("db") == {"host": "mine"}
    assert store.reload(accept=True) is None
    assert store.config.get("db") == {"host": "all"}


def test_a_layer_that_shrank_during_a_restart_is_held_for_some_polls(make: Make) -> None:
    store = make()
    store["host"].put({name: dict(REMOVED) for name in OPTIONS})
    store["common"].put({"web": {"port": 1}, **OPTIONS})
    store.refresher.poll()
    store.stop()
    store.start()
    store["host"].put({"option-00": dict(REMOVED)})
    for _ in range(2):
        assert "19 of 20 options are gone" in str(store.refresher.poll())
        store.source.layers[0].due._at = 0
    assert store.refresher.poll() is None
    assert len(store.config) == 20


def test_the_copy_of_a_layer_from_elsewhere_is_not_used(store: LayeredStore) -> None:
    first = store.settings.layers[0]
    moved = replace(first, settings=replace(first.settings, table="other"))
    names = {layer.copy_names(store.settings).page for layer in (first, moved)}
    assert len(names) == 2
