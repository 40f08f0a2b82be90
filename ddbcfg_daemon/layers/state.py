"""What operators see of a layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LayerState:
    """What operators see of a layer.  ``age`` is None if it was never read.

    ``held`` says why a guard keeps newer content from being merged, ``copy_error`` why the copy on
    disk is not up to date.
    """

    name: str
    table: str
    store: str
    region: str | None
    endpoint_url: str | None
    required: bool
    options: int
    age: float | None
    interval: float
    source: str
    revision: int
    table_revision: int
    in_doubt: bool
    failures: int
    error: str
    held: str
    note: str
    copy_error: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict that json can dump."""
        return asdict(self)
