"""Responses about a store's layers: their states, and which one decides each key of an option.

They contain the types of values, not the values: a user who may read the merged store may lack
permission to read a layer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ddbcfg_client.format.layering import Origin, origins
from ddbcfg_client.format.options import unpack_option
from ddbcfg_client.format.request import EXPLAIN, Request
from ddbcfg_client.printable import without_passwords
from ddbcfg_daemon.layers.source import LayersSource

# Bytes of the keys in one response; the one after which no more fit, and the rest, have room too.
_ROOM = 32768

# In this order: a bool is also an int.
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (str, "string"),
    (Decimal, "number"),
    (bytes, "binary"),
    (dict, "map"),
    (list, "list"),
    (set, "set"),
    (frozenset, "set"),
)


def explain(source: LayersSource, request: Request) -> dict[str, Any]:
    """Return the details of the response to ``request``."""
    states = [state.to_dict() for state in source.states]
    for state in states:
        if state["endpoint_url"]:
            state["endpoint_url"] = without_passwords(state["endpoint_url"])
    if request.op != EXPLAIN:
        return {"merge": source.merge, "layers": states}
    names = [state["name"] for state in states]
    number, merged = source.shown.now
    found = {} if merged is None else origins(merged.layers, merged.merge, request.option)
    keys, left = [], _ROOM
    for key in list(found)[request.first or 0 :]:
        keys.append(_explained(key, found[key], names))
        left -= len(json.dumps(keys[-1])) + 2
        if request.first is not None and left < 0:
            break
    known = merged is not None and request.option in merged.options
    unknown = "" if merged is not None else "this daemon did not merge what readers see"
    details = {
        "merge": source.merge,
        "layers": names,
        "known": known,
        "unknown": unknown,
        "keys": keys,
    }
    if request.first is not None:
        details |= {"merged": number, "left_off": len(found) - request.first - len(keys)}
    return details


def _explained(key: str, origin: Origin, names: Sequence[str]) -> dict[str, Any]:
    return {
        "key": key,
        "layer": names[origin.layer],
        "type": None if origin.value is None else _type_of(origin.value),
        "hides": [
            {"layer": names[number], "type": _type_of(value)} for number, value in origin.hidden
        ],
    }


def _type_of(packed: bytes) -> str:
    value = unpack_option(b"\x81\xa1v" + packed)["v"]  # an option with this one key
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "null")
