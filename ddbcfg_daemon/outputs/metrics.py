"""Metrics in Prometheus' text format, for node_exporter's textfile collector.

This needs no port and no library.  Reference: "Exposition formats" in the Prometheus manual.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore

_METRICS = (
    ("served", "gauge", "1 while the daemon serves the store, 0 while an error prevents it."),
    ("generation", "gauge", "The published generation; 0 if nothing is published."),
    ("options", "gauge", "Number of options in the published snapshot."),
    ("bytes", "gauge", "Size of the published segment in bytes."),
    ("polls_total", "counter", "Polls since the control page was created."),
    ("failures", "gauge", "Failed polls since the last successful one."),
    ("refused", "gauge", "1 while a guard refuses to publish the last reading."),
    ("held_since_timestamp_seconds", "gauge", "Time of the first of these refusals; 0 if none."),
    ("skipped", "gauge", "Items that were skipped because they are not options."),
    ("from_disk", "gauge", "1 while the copy on disk is served."),
    ("copy_failed", "gauge", "1 while the copy on disk cannot be read or written."),
    ("last_success_timestamp_seconds", "gauge", "Time of the last successful poll; 0 if none."),
)


class Metrics:
    """The output that writes the metrics of all stores to a file."""

    def __init__(self, file: MetricsFile) -> None:
        self._file = file

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Replace the file."""
        self._file.write(metrics_text(stores))


def metrics_text(stores: Iterable[ServedStore]) -> str:
    """Return the metrics of all stores."""
    rows = [(_labels(store.names), _values(store.refresher)) for store in stores]
    lines = []
    for name, kind, text in _METRICS:
        lines += [f"# HELP ddbcfg_{name} {text}", f"# TYPE ddbcfg_{name} {kind}"]
        lines += [f"ddbcfg_{name}{labels} {values[name]}" for labels, values in rows]
    return "\n".join(lines) + "\n"


def _values(refresher: Refresher | None) -> dict[str, float]:
    if refresher is None:
        return dict.fromkeys((name for name, *_ in _METRICS), 0)
    status, snapshot = refresher.status, refresher.snapshot
    return {
        "served": 1,
        "generation": refresher.generation,
        "options": 0 if snapshot is None else len(snapshot),
        "bytes": 0 if snapshot is None else snapshot.size,
        "polls_total": status.polls,
        "failures": status.failures,
        "refused": int(refresher.refused),
        "held_since_timestamp_seconds": 0
        if status.held_since == NEVER
        else status.held_since / 1e9,
        "skipped": status.skipped,
        "copy_failed": int(bool(refresher.copy_error)),
        "from_disk": int(status.source == "disk"),
        "last_success_timestamp_seconds": 0
        if status.success_unix == NEVER
        else status.success_unix / 1e9,
    }


def _labels(names: Names) -> str:
    return f'{{namespace="{_escaped(names.namespace)}",store="{_escaped(names.store)}"}}'


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
