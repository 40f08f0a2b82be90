"""When layers are read, and what a poll says of those that it did not read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ddbcfg_client.commands.condition import condition_of
from ddbcfg_client.commands.status_text import status_text
from ddbcfg_client.shm.clock import boottime
from ddbcfg_daemon import serving
from ddbcfg_daemon.disk.copy_format import Copy
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.errors import LayersFailed
from ddbcfg_daemon.guards import LayersRefused
from ddbcfg_daemon.layers import due as due_module
from ddbcfg_daemon.layers import layer as layer_module
from ddbcfg_daemon.settings.parsing import parse
from ddbcfg_daemon.settings.store_values import StoreSettings
from ddbcfg_daemon.signals import Signals
from ddbcfg_daemon.sources.base import Provenance, Reading, Sources
from support.layering import AWAY, OPTIONS, FakeLayer, LayeredStore
from support.shm import reading

Make = Callable[..., LayeredStore]


def with_a_slow_layer(make: Make) -> LayeredStore:
    """Return a store of which the layer eu is read once an hour."""
    store = make()
    host, eu, common = store.settings.layers
    eu = replace(eu, settings=replace(eu.settings, interval=3600.0))
    store.settings = replace(store.settings, layers=(host, eu, common))
    store.stop()
    store.start()
    return store


def test_the_age_of_a_store_is_that_of_its_oldest_layer_also_within_its_interval(
    make: Make,
) -> None:
    """G7: what a reader serves of a layer that is read once an hour can be an hour old."""
    store = with_a_slow_layer(make)
    store.refresher.poll()
    for layer in store.source.layers:
        layer.confirmed -= 3000 * 10**9  # as if so long ago
        layer.due._at -= 3000 * 10**9
    assert store.refresher.poll() is None
    assert store["eu"].reads == 1
    status = store.config.status()
    assert status.age is not None
    assert 3000 <= status.age < 3100
    assert (status.interval, status.longest_interval) == (60.0, 3600.0)
    # It is not stale: that is as old as its settings allow.
    assert condition_of(status)[0] == "fresh"
    assert "(polled every 60 s, its slowest layer every 3600 s)" in status_text(status)
    assert "none, because each layer has its own" in status_text(status)
    condition, reason = condition_of(replace(status, age=10_801.0))
    assert (condition, "each of its layers is polled every 3600 s" in reason) == ("stale", True)


def test_a_layer_with_a_long_interval_is_read_no_more_often_than_that(make: Make) -> None:
    store = with_a_slow_layer(make)
    store.refresher.poll()
    for layer in store.source.layers:
        layer.due._at -= 3500 * 10**9  # as if so long ago
    store.refresher.poll()
    assert [store[name].reads for name in ("host", "eu", "common")] == [2, 1, 2]
    for layer in store.source.layers:
        layer.due._at -= 80 * 10**9  # with the other layers rather than a little later
    store.refresher.poll()
    assert [store[name].reads for name in ("host", "eu", "common")] == [3, 2, 3]


def test_layers_that_fail_are_tried_again_together(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each failing poll is a line in the log with all of them, and a failure in the status."""
    names = [f"layer-{number}" for number in range(16)]
    store = make("--layers", ",".join(names))
    store.refresher.poll()
    for name in names:
        store[name].content = AWAY
    now = boottime()
    for module in (layer_module, due_module):
        monkeypatch.setattr(module, "boottime", lambda: now)
    store.reload()
    began, polls = now, 0
    while now < began + 600 * 10**9:
        now += round(min(each.due.due_in for each in store.source.layers) * 1e9) + 1
        assert isinstance(store.refresher.poll(scheduled=False), LayersFailed)
        polls += 1
    # Ten intervals, with a pause of at least half of one each, and the shorter pauses before.
    assert polls <= 2 * 10 + 10
    assert polls * 16 == sum(store[name].reads for name in names) - 2 * 16


def test_a_layer_that_fails_does_not_hasten_the_polls_that_a_guard_counts(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is polled sooner then, but a shrink has to last as long as without the failure."""
    store = make()
    store["host"].put({f"other-{number}": {} for number in range(60)})  # so the result may lose it
    store["common"].put(OPTIONS)
    store.refresher.poll()
    now = boottime()
    for module in (layer_module, due_module):
        monkeypatch.setattr(module, "boottime", lambda: now)
    store["eu"].content = AWAY
    store["common"].put({"option-00": {"a": 0}})
    seen = []
    for _ in range(5, 300, 5):
        now += 5 * 10**9
        store.refresher.poll()
        seen.append(len(store.config))
    assert 2 * 60 <= 5 * seen.index(61) <= 4 * 60


def test_skipped_items_of_a_layer_that_is_not_read_again_still_count(make: Make) -> None:
    store = make()
    content = reading({"db": {"host": "eu"}})
    store["eu"].content = Reading(content.options, content.read_at, skipped=("5",))
    store.refresher.poll()
    assert store.config.status().skipped == 1
    store.refresher.poll(scheduled=False)  # nothing is due
    assert store.config.status().skipped == 1


def test_a_layer_without_a_copy_is_not_asked_for_it_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(copies=True)
    store["eu"].content = AWAY
    loads: list[str] = []
    load = DiskCopy.load

    def counted(copy: DiskCopy) -> Copy | None:
        loads.append(copy.names.store)
        return load(copy)

    monkeypatch.setattr(DiskCopy, "load", counted)
    for _ in range(3):
        store.reload()
    assert sum("layer" in name for name in loads) == 3  # one for each layer
    assert [state.copy_error for state in store.source.states] == ["", "", ""]


class _FakeSources(Sources):
    def __init__(self, stores: tuple[StoreSettings, ...]) -> None:
        self.stores = stores
        self.tables = {part.store: FakeLayer() for part in stores[0].parts}

    def source(self, store: StoreSettings) -> FakeLayer:
        return self.tables[store.store]

    def place(self, store: StoreSettings) -> str:
        return "here"


def test_once_waits_for_a_slow_layer_although_its_copy_is_known(
    namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--table", "config", "--store", "app", "--namespace", namespace, "--config", "")
    more = ("--layers", "eu,common", "--once", "--state-dir", str(tmp_path), "--poll-timeout=0.3")
    settings = parse((*flags, *more), {})
    sources = _FakeSources(settings.stores)
    monkeypatch.setattr(serving, "open_sources", lambda _: sources)
    monkeypatch.setattr(serving, "PATIENCE", 0.05)
    sources.tables["common"].put({"db": {"host": "all"}})

    def serve() -> BaseException | None:
        with Signals() as signals:
            return serving.serve(settings, signals, lambda: settings)

    assert serve() is None
    sources.tables["eu"].gate.clear()
    try:
        assert isinstance(serve(), LayersFailed)
    finally:
        sources.tables["eu"].gate.set()


def test_a_reading_whose_thread_died_is_a_failure_of_that_layer(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can die before it runs a line, and then nobody says that the reading has ended."""
    store = make()
    assert store.refresher.poll() is None
    with monkeypatch.context() as patch:
        patch.setattr(store.source.layers[1], "_read", lambda full, served: None)
        error = store.reload()
    assert isinstance(error, LayersFailed)
    assert [(name, "died" in reason) for name, reason in error.layers] == [("eu", True)]
    assert store.reload() is None


@pytest.mark.parametrize("required", [False, True])
def test_a_first_reading_that_is_not_confirmed_is_neither_missing_nor_a_failure(
    make: Make, *, required: bool
) -> None:
    store = make()
    host, eu, common = store.settings.layers
    store.settings = replace(store.settings, layers=(host, replace(eu, required=required), common))
    store.stop()
    store.start()
    note = "its readings do not agree yet"
    content = reading({})
    found = Provenance(note=note, in_doubt=True)
    store["eu"].content = replace(content, confirmed=False, again_in=2.0, provenance=found)
    store["common"].put({"web": {"port": 1}})
    assert store.refresher.poll() is None
    status = store.refresher.status
    assert (status.failures, status.error, store.refresher.generation) == (0, "", 0)
    assert status.note == f"layer 'eu': {note}"
    store["eu"].put({"db": {"host": "eu"}})
    assert store.reload() is None
    assert store.config.get() == {"db": {"host": "eu"}, "web": {"port": 1}}
    # A layer that the table confirms to be empty is missing if it is required.
    store["eu"].put({})
    assert isinstance(store.reload(), LayersFailed if required else LayersRefused)
