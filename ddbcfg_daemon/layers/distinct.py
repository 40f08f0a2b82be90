"""Layers that are one store of a table although their settings differ.

One can name the region or endpoint that another has by default.  Only the opened sources know the
defaults: AWS's variables and files have them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ddbcfg_daemon.settings.store_values import StoreSettings


def named_twice(store: StoreSettings, target: Callable[[StoreSettings], str]) -> str:
    """Return which layers of ``store`` are one store, as a text; empty if all are different.

    ``target`` returns the store in a table that its settings lead to.
    """
    counts = Counter(layer.settings.store for layer in store.layers)
    seen: dict[str, str] = {}
    for layer in store.layers:
        if counts[layer.settings.store] < 2:
            continue  # finding out the defaults takes tens of milliseconds
        where = target(layer.settings)
        if where in seen:
            return f"layers {seen[where]!r} and {layer.name!r} are the same: {where}"
        seen[where] = layer.name
    return ""
