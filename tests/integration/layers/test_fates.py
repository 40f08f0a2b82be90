"""Each layer has its own fate: one that fails, shrinks, hangs or vanishes keeps no other back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.format.layering import REMOVED
from ddbcfg_daemon.errors import LayersFailed, LayersUnread
from ddbcfg_daemon.guards import LayersRefused
from ddbcfg_daemon.outputs.json_lines import JsonFormatter
from ddbcfg_daemon.sources.base import Provenance, Reading
from support.layering import AWAY, OPTIONS, LayeredStore
from support.shm import reading
from support.waiting import wait_until

Make = Callable[..., LayeredStore]


def test_readers_see_one_snapshot_of_all_layers_and_a_change_of_any_is_one_change(
    make: Make,
) -> None:
    store = make("--merge", "keys")
    store["host"].put({"db": {"pool": 9, "debug": REMOVED}})
    store["eu"].put({"db": {"host": "eu"}, "web": {"port": 80}})
    store["common"].put({"db": {"host": "all", "pool": 5, "debug": True}})
    assert store.refresher.poll() is None
    config = store.config
    assert config.get() == {"db": {"host": "eu", "pool": 9}, "web": {"port": 80}}
    assert config.generation == 1
    store["common"].put({"db": {"host": "all", "pool": 5, "debug": True, "user": "app"}})
    store["eu"].put({"db": {}})
    assert store.reload() is None
    assert config.get() == {"db": {"host": "all", "pool": 9, "user": "app"}}
    assert config.generation == 2
    # What a higher layer hides is no change.
    store["common"].put({"db": {"host": "all", "pool": 6, "debug": False, "user": "app"}})
    assert store.reload() is None
    assert config.generation == 2


def test_a_layer_that_fails_is_merged_as_it_was_and_named_while_others_change(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = make()
    store["eu"].put({"db": {"host": "eu"}})
    store["common"].put({"db": {"host": "all"}, "web": {"port": 1}})
    assert store.refresher.poll() is None
    age = store.refresher.status.success
    store["eu"].content = AWAY
    store["common"].put({"db": {"host": "new"}, "web": {"port": 2}})
    failed = store.reload()
    assert isinstance(failed, LayersFailed)
    assert store.config.get() == {"db": {"host": "eu"}, "web": {"port": 2}}
    status = store.config.status()
    assert (status.failures, status.generation) == (1, 2)
    assert (status.error or "").startswith("layer 'eu' is merged with its last good content: ")
    assert store.refresher.status.success <= age + 10**9  # as old as its oldest part
    assert [name for name, state in store.states.items() if state.error] == ["eu"]
    assert "layer eu: reading 1 failed" in caplog.text
    store["eu"].put({"db": {"host": "back"}})
    assert store.reload() is None
    assert store.config.get("db") == {"host": "back"}
    assert (store.config.status().failures, store.config.status().error) == (0, None)


def test_the_failure_of_one_layer_counts_once_for_each_time_it_is_read(make: Make) -> None:
    store = make()
    store.refresher.poll()
    store["eu"].content = AWAY
    store.reload()
    store["eu"].gate.clear()  # it is not read again: nothing is due
    failed = store.refresher.poll(scheduled=False)
    assert isinstance(failed, LayersFailed)
    assert (store.refresher.status.failures, store["eu"].reads) == (1, 2)


def test_a_layer_held_by_its_guard_is_held_alone_while_another_is_published(make: Make) -> None:
    store = make()
    store["eu"].put(OPTIONS)
    store["common"].put({"web": {"port": 1}})
    store.refresher.poll()
    store["eu"].put({"option-00": {"a": 0}})
    store["common"].put({"web": {"port": 2}})
    held = store.reload()
    assert isinstance(held, LayersRefused)
    assert store.config.get("web") == {"port": 2}
    assert len(store.config) == 21
    status = store.config.status()
    assert (status.held or "").startswith(
        "layer 'eu' is merged with its last good content, because the shrink"
    )
    assert (status.failures, status.error) == (0, None)
    assert [name for name, state in store.states.items() if state.held] == ["eu"]
    assert store.reload(accept=True) is None
    assert len(store.config) == 2
    assert store.config.status().held is None


def test_a_layer_that_vanishes_is_held_and_nothing_of_it_is_lost(make: Make) -> None:
    store = make()
    store["host"].put({"db": {"host": "mine"}})
    store["common"].put({"db": {"host": "all"}})
    store.refresher.poll()
    store["host"].put({})
    for _ in range(4):
        assert isinstance(store.reload(), LayersRefused)
    assert store.config.get("db") == {"host": "mine"}


def test_the_result_is_judged_even_if_each_layer_passes(make: Make) -> None:
    store = make()
    store["common"].put(OPTIONS)
    store.refresher.poll()
    store["host"].put({name: dict(REMOVED) for name in OPTIONS})
    held = store.reload()
    assert "all of 20 options are gone" in str(held)
    assert len(store.config) == 20
    assert store.reload(accept=True) is None
    assert len(store.config) == 0


def test_an_absent_layer_is_no_error(make: Make) -> None:
    store = make()
    store["common"].put({"db": {"host": "all"}})
    assert store.refresher.poll() is None
    assert store.config.get() == {"db": {"host": "all"}}


def test_a_reason_that_layers_share_is_said_once(make: Make) -> None:
    store = make()
    for layer in ("host", "eu"):
        store[layer].content = AWAY
    unread = f"not merged, because nothing is known of layers 'host', 'eu': {AWAY}"
    assert str(store.refresher.poll()) == unread
    for layer in ("host", "eu"):
        store[layer].put({})
    assert store.reload() is None
    for layer in ("host", "eu"):
        store[layer].content = AWAY
    assert (
        str(store.reload())
        == f"layers 'host', 'eu' are merged with their last good content: {AWAY}"
    )


def test_a_line_about_a_layer_has_the_names_of_the_merged_store(
    make: Make, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = make()
    store["eu"].content = AWAY
    store.refresher.poll()
    [record] = [one for one in caplog.records if ", layer eu: reading 1" in one.getMessage()]
    found = json.loads(JsonFormatter().format(record))
    assert (found["namespace"], found["store"]) == (namespace, "prod")


def test_nothing_is_published_while_nothing_is_known_of_a_layer(make: Make) -> None:
    store = make()
    store["common"].put({"db": {"host": "all"}})
    store["host"].content = AWAY
    failed = store.refresher.poll()
    assert isinstance(failed, LayersUnread)
    assert str(failed).startswith("not merged, because nothing is known of layer 'host': ")
    with pytest.raises(SnapshotUnavailable):
        store.config.get()
    store["host"].put({"db": {"host": "mine"}})
    assert store.reload() is None
    assert store.config.get("db") == {"host": "mine"}


def test_a_hanging_layer_delays_no_change_of_the_others(make: Make) -> None:
    store = make()
    store["eu"].put({"eu": {"a": 1}})
    store["common"].put({"web": {"port": 1}})
    store.refresher.poll()
    store.source._patience = 0.2
    for layer in store.source.layers:
        layer.due._at = 0
    store["eu"].gate.clear()
    store["eu"].put({"eu": {"a": 2}})
    store["common"].put({"web": {"port": 2}})
    assert store.refresher.poll() is None
    assert store.config.get() == {"eu": {"a": 1}, "web": {"port": 2}}
    store["eu"].gate.set()
    wait_until(lambda: store.source.layers[1].ended)
    assert store.refresher.poll(scheduled=False) is None
    assert store.config.get("eu") == {"a": 2}


def test_a_poll_on_request_does_not_wait_for_a_layer_that_hangs(make: Make) -> None:
    """Every reader may ask for one: it must not delay the changes of other layers for a minute."""
    store = make()
    store["eu"].put({"eu": {"a": 1}})
    store.refresher.poll()
    store.source._patience = 0.2
    store["eu"].gate.clear()
    store["eu"].put({"eu": {"a": 2}})
    for port in (1, 2):  # at the second one, a reading that began before it runs
        store["common"].put({"web": {"port": port}})
        after = store.requests.ask_after()
        assert store.refresher.poll(scheduled=False) is None
        assert store.config.get() == {"eu": {"a": 1}, "web": {"port": port}}
        outcome = store.requests.outcome_after(after)
        assert outcome is not None
        assert outcome.published
        assert outcome.held == (
            "layer 'eu' is still being read; it is merged as soon as it has been"
        )
    store["eu"].gate.set()
    wait_until(lambda: store.source.layers[1].ended)
    store["eu"].put({"eu": {"a": 3}})
    store.reload()  # what began before it does not count
    assert store.config.get("eu") == {"a": 3}


def test_a_layer_is_read_at_its_own_interval_and_all_of_them_on_request(make: Make) -> None:
    store = make()
    store.refresher.poll()
    reads = {name: table.reads for name, table in store.tables.items()}
    assert store.refresher.poll(scheduled=False) is None  # nothing is due
    assert {name: table.reads for name, table in store.tables.items()} == reads
    store.reload()
    assert {table.reads for table in store.tables.values()} == {2}


def test_each_layer_has_its_own_revision(make: Make) -> None:
    store = make()
    content = reading({"db": {"host": "eu"}})
    found = Provenance("e1", 7, 7, "log")
    store["eu"].content = Reading(content.options, content.read_at, provenance=found)
    store.refresher.poll()
    revisions = {name: state.revision for name, state in store.states.items()}
    assert revisions == {"host": 0, "eu": 7, "common": 0}
    assert store.config.status().revision == 0
