"""The name of a store in log lines, which a format of the log can take apart."""

from __future__ import annotations

from typing import Self

from ddbcfg_client.format.names import Names


class StoreLabel(str):
    """``namespace/store``; as an argument of a log line it says which store the line is about.

    The text also names the layer, if the line is about one.
    """

    __slots__ = ("names",)

    names: Names

    def __new__(cls, names: Names, layer: str = "") -> Self:
        """Return the label of the store with these names, or of one of its layers."""
        of_layer = f", layer {layer}" if layer else ""
        label = super().__new__(cls, f"{names.namespace}/{names.store}{of_layer}")
        label.names = names
        return label
