"""Metrics in Prometheus' text format, for node_exporter's textfile collector.

No port is opened and no library needed.  Reference: "Exposition formats" in the Prometheus manual.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore

_METRICS = (
    ("served", "gauge", "1 while the daemon serves the store, 0 while something keeps it from it."),
    ("generation", "gauge", "The generation that is published; 0 when none is."),
    ("options", "gauge", "Options in it."),
    ("bytes", "gauge", "Size of its segment."),
    ("polls_total", "counter", "Polls since the control page was made."),
    ("failures", "gauge", "Failed polls since the last that did not fail."),
    ("refused", "gauge", "1 while a guard keeps what was read from being published."),
    ("held_since_timestamp_seconds", "gauge", "Since when it does; 0 while none does."),
    ("skipped", "gauge", "Items that are no options."),
    ("from_disk", "gauge", "1 while the copy on disk is served."),
    ("copy_failed", "gauge", "1 while the copy on disk cannot be read or written."),
    ("last_success_timestamp_seconds", "gauge", "When the last poll succeeded."),
)


class Metrics:
    """The output that keeps a file with the metrics of all stores."""

    def __init__(self, file: MetricsFile) -> None:
        self._file = file

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Have the file replaced."""
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
