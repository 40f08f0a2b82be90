"""The name of a store in log lines, which a format of the log can take apart."""

from __future__ import annotations

from typing import Self

from ddbcfg_client.format.names import Names


class StoreLabel(str):
    """``namespace/store``; as an argument of a log line it says which store the line is about."""

    __slots__ = ("names",)

    names: Names

    def __new__(cls, names: Names) -> Self:
        """Return the label of the store with these names."""
        label = super().__new__(cls, f"{names.namespace}/{names.store}")
        label.names = names
        return label
