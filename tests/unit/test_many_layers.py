"""As many layers as a store can have, and as many options as a large one has."""

from __future__ import annotations

import pytest

from ddbcfg_client.format.layering import MERGES, Layering
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon.settings.layers import MOST_LAYERS


@pytest.mark.parametrize("merge", MERGES)
def test_sixteen_layers_of_10_000_options(merge: str) -> None:
    assert MOST_LAYERS == 16
    names = [f"option-{number:05}" for number in range(10_000)]
    shared = pack_option("shared", {"a": {"N": "1"}})
    layers = [
        dict.fromkeys(names, pack_option("x", {f"layer-{number:02}": {"N": "1"}}))
        | {f"only-{number:02}": shared}
        for number in range(MOST_LAYERS)
    ]
    merged = Layering.of(layers, merge)
    assert len(merged.options) == 10_000 + MOST_LAYERS
    assert merged.options["only-15"] is shared
    keys = unpack_option(merged.options["option-09999"])
    assert len(keys) == (MOST_LAYERS if merge == "keys" else 1)
    changed = pack_option("x", {"layer-15": {"N": "2"}})
    after = merged.follow([*layers[:-1], {**layers[-1], "option-00000": changed}])
    differing = [n for n in merged.options if after.options[n] is not merged.options[n]]
    assert differing == (["option-00000"] if merge == "keys" else [])
