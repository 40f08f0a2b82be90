"""A store of layers that is pinned: what was merged is served, whatever its layers become (G4)."""

from __future__ import annotations

from collections.abc import Callable

from ddbcfg_client.format.request import GENERATIONS, PIN, UNPIN, Request, Response
from support.layering import AWAY, LayeredStore

Make = Callable[..., LayeredStore]


def ask(store: LayeredStore, op: str, **which: int) -> Response:
    job = store.requests.steer(Request(op, by="alice", **which), 0)
    store.refresher._serve_operators()
    assert job.response is not None
    return job.response


def push(store: LayeredStore, zone: int) -> None:
    store["eu"].put({"eu": {"zone": zone}})
    store.reload()
    store.refresher.finish_copy(20.0)


def served(store: LayeredStore) -> object:
    return store.config.get("eu")["zone"]


def pinned_store(make: Make) -> LayeredStore:
    store = make(copies=True)
    store["common"].put({"common": {"a": 1}})
    push(store, 1)
    push(store, 2)
    response = ask(store, PIN, generation=1)
    assert (response.refused, response.generation) == ("", 3), response.why
    assert served(store) == 1
    return store


def test_what_a_layer_becomes_is_held_and_merged_after_the_pin(make: Make) -> None:
    store = pinned_store(make)
    push(store, 3)
    store["host"].put({"host": {"x": 1}})
    store.reload(accept=True)
    assert served(store) == 1
    status = store.config.status()
    assert (status.pinned, status.merged_layers) == (1, 3)
    assert "generation 1 was pinned by alice" in (status.held or "")
    # The layers themselves are not held: each says what was read of it.
    assert store.states["eu"].held == ""
    assert store.states["host"].options == 1
    assert [row["generation"] for row in ask(store, GENERATIONS).generations] == [3, 2]
    ask(store, UNPIN)
    store.reload()
    assert (served(store), store.config.get("host")) == (3, {"x": 1})


def test_a_layer_that_fails_meanwhile_is_named_and_the_pin_is_served(make: Make) -> None:
    store = pinned_store(make)
    store["eu"].content = AWAY
    store.reload()
    status = store.config.status()
    assert (served(store), status.pinned) == (1, 1)
    assert "layer 'eu'" in (status.error or "")
    ask(store, UNPIN)
    store.reload()
    assert served(store) == 2  # as it was read last


def test_a_reboot_without_any_table_serves_the_pin_and_the_layers_come_back(make: Make) -> None:
    store = pinned_store(make)
    push(store, 3)
    for table in store.tables.values():
        table.content = AWAY
    store.stop(reboot=True)
    store.start()
    store.refresher.poll()
    status = store.config.status()
    assert (served(store), status.pinned, status.source) == (1, 1, "disk")
    assert ask(store, PIN, revision=4).why.startswith("this host knows the revision of none")
    ask(store, UNPIN)
    store.reload()
    assert served(store) == 3  # the copies of the layers were kept up to date meanwhile
    for name, options in (("host", {}), ("common", {"common": {"a": 1}})):
        store[name].put(options)
    push(store, 4)
    assert served(store) == 4
