"""What ``explain`` says is of what readers see, also while newer content is held or pinned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ddbcfg_client.commands.explain import explanation
from ddbcfg_client.format.layering import REMOVED
from ddbcfg_client.format.request import (
    EXPLAIN,
    Request,
    Response,
    pack_response,
    parse_response,
)
from ddbcfg_daemon.layers.explaining import explain
from support.layering import AWAY, OPTIONS, LayeredStore

Make = Callable[..., LayeredStore]


def explained(store: LayeredStore, option: str) -> dict[str, Any]:
    return explain(store.source, Request(EXPLAIN, option=option))


def test_a_held_merge_is_not_explained_but_the_one_that_readers_see(make: Make) -> None:
    store = make()
    store["common"].put(OPTIONS)
    store.refresher.poll()
    store["host"].put({name: dict(REMOVED) for name in OPTIONS})
    store.reload()  # refused
    for _ in range(2):
        found = explained(store, "option-03")
        assert [(key["key"], key["layer"]) for key in found["keys"]] == [("a", "common")]
        assert (found["known"], found["unknown"]) == (True, "")
        store.refresher.poll(scheduled=False)  # nothing is due
    store.reload(accept=True)
    assert [key["layer"] for key in explained(store, "option-03")["keys"]] == ["host"]


def test_what_another_daemon_merged_is_not_explained(make: Make) -> None:
    store = make()
    store["common"].put(OPTIONS)
    store["eu"].put({"eu": {"zone": 1}})
    store.refresher.poll()
    store.stop()
    store.start()
    store["eu"].content = AWAY
    store.refresher.poll()
    found = explained(store, "option-03")
    assert (found["known"], found["keys"]) == (False, [])
    assert found["unknown"] == "this daemon did not merge what readers see"
    # If it reads the same, it can explain it.
    store["eu"].put({"eu": {"zone": 1}})
    store.reload()
    assert store.config.generation == 1
    assert [key["layer"] for key in explained(store, "option-03")["keys"]] == ["common"]


def test_what_is_pinned_is_explained_by_the_daemon_that_merged_it(make: Make) -> None:
    store = make(copies=True)
    store["eu"].put({"eu": {"zone": 1}})
    store.refresher.poll()
    store.refresher._pin.pin(1, None, "a test")
    store["eu"].put({"eu": {"zone": 2, "new": True}})
    store.reload()
    assert store.config.get("eu") == {"zone": 1}
    assert [key["key"] for key in explained(store, "eu")["keys"]] == ["zone"]
    store.stop()
    store.start()
    store.reload()
    assert store.config.get("eu") == {"zone": 1}
    assert explained(store, "eu")["unknown"] == "this daemon did not merge what readers see"
    store.refresher._pin.unpin("a test")
    store.reload()
    assert len(explained(store, "eu")["keys"]) == 2


def test_an_option_with_many_keys_is_explained_in_several_responses_of_one_merge(
    make: Make,
) -> None:
    store = make("--merge", "keys")
    keys = {f"feature-{number:03}": True for number in range(800)}
    store["eu"].put({"flags": keys})
    store["common"].put({"flags": keys})
    store.refresher.poll()
    asked = 0

    def ask(request: Request) -> dict[str, Any] | None:
        nonlocal asked
        asked += 1
        if asked == 2:
            store["host"].put({"flags": {"feature-000": False}})
            store.reload()
        line = pack_response(Response(details=explain(store.source, request)))
        return parse_response(line).details

    found = explanation(ask, "flags")
    assert found is not None
    assert [key["key"] for key in found["keys"]] == sorted(keys)
    assert [key["layer"] for key in found["keys"]] == ["host"] + ["eu"] * 799
    assert asked > 2
    assert explained(store, "flags")["keys"] == found["keys"]  # a client that asks for no part
