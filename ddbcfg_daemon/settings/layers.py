"""The layers of a store: the settings of each, and the variables in their names."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ddbcfg_client.notation.layer_names import TELLING, distinct_names, expanded
from ddbcfg_daemon.settings import kinds
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.store_values import STORE_ROWS, LayerSettings, StoreSettings

#: The most layers that a store can have.
MOST_LAYERS = 16

# What is published is one store, so these are not a layer's own.
_OF_THE_STORE = frozenset(
    ("namespace", "layers", "merge", "mode", "group", "owner", "state_dir"),
)
_REQUIRED = Row("", kinds.switch, "whether the layer must have options", name="required")

#: The settings that a layer in the file can have.
LAYER_ROWS = (*(row for row in STORE_ROWS if row.name not in _OF_THE_STORE), _REQUIRED)


def variables_of(daemon: DaemonSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the variables that layers may have; empty for one that is not set."""
    listed = {name: environment.get(name, "") for name in daemon.layer_variables}
    return listed | {
        "hostname": daemon.hostname or socket.gethostname(),
        "instance_id": daemon.instance_id or "",
    }


def with_layers(store: StoreSettings, variables: Mapping[str, str]) -> StoreSettings:
    """Return ``store`` with the settings of its layers, of which it has only texts.

    Raise ValueError, which names the layer and what is wrong with it.
    """
    texts = cast("Sequence[Mapping[str, str]]", store.layers)
    if len(texts) > MOST_LAYERS:
        raise ValueError(f"there are {len(texts)} layers, but at most {MOST_LAYERS} are possible")
    bare = replace(store, layers=())
    layers = [_layer(bare, each, variables) for each in texts]
    _check_different(layers, texts)
    return replace(store, layers=tuple(_named(layers)))


def _layer(
    store: StoreSettings, texts: Mapping[str, str], variables: Mapping[str, str]
) -> LayerSettings:
    name = expanded(texts["store"].strip(), variables)
    own = {key: text for key, text in texts.items() if key not in ("store", "required")}
    values: dict[str, Any] = {}
    for row in LAYER_ROWS:
        if row.name in own:
            try:
                values[row.name] = row.kind(own[row.name])
            except ValueError as error:
                raise ValueError(f"layer {name!r}: {row.name}: {error}") from None
    settings = replace(store, store=name, **values)
    required = kinds.switch(texts.get("required", "no"))
    return LayerSettings(name, settings, required, tuple(own))


def _check_different(layers: Sequence[LayerSettings], texts: Sequence[Mapping[str, str]]) -> None:
    seen: dict[tuple[str | None, ...], str] = {}
    for layer, its in zip(layers, texts, strict=True):
        settings = layer.settings
        where = settings.store, *(getattr(settings, name) for name in TELLING)
        text = its["store"].strip()
        if where in seen:
            both = "" if seen[where] == text == layer.name else f" ({seen[where]!r} and {text!r})"
            raise ValueError(f"layer {layer.name!r} is named twice{both}")
        seen[where] = text


def _named(layers: Sequence[LayerSettings]) -> Sequence[LayerSettings]:
    """Return the layers, with table, region and so on in names that would be the same."""
    details = [{name: getattr(layer.settings, name) for name in TELLING} for layer in layers]
    names = distinct_names([layer.name for layer in layers], details)
    return [replace(layer, name=name) for layer, name in zip(layers, names, strict=True)]
