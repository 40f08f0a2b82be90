"""Metrics in Prometheus' text format, in a file for node_exporter's textfile collector.

This needs no port.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import generate_latest

from ddbcfg_daemon.outputs.collector import registry_of
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.served_store import ServedStore


class Metrics:
    """The output that writes the metrics of all stores to the file ``selected``."""

    def __init__(self, selected: Path) -> None:
        self.selected = selected
        self._file = MetricsFile(selected)

    def begin(self, stores: Sequence[ServedStore]) -> None:
        """Do nothing: until the first poll, the file of the last daemon is right."""

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Replace the file."""
        self._file.write(metrics_text(stores))

    def close(self) -> None:
        """Do nothing: the file stays."""


def metrics_text(stores: Iterable[ServedStore]) -> str:
    """Return the metrics of all stores."""
    return generate_latest(registry_of(lambda: stores, live=False)).decode()
