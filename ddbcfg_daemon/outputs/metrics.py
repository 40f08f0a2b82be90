"""Metrics in Prometheus' text format, for node_exporter's textfile collector.

This needs no port and no library.  Reference: "Exposition formats" in the Prometheus manual.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ddbcfg_client.dynamodb.revision.following import How
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER
from ddbcfg_client.shm.clock import age_of
from ddbcfg_daemon.outputs.metrics_file import MetricsFile
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore

_METRICS = (
    ("served", "gauge", "1 while the daemon serves the store, 0 while an error prevents it."),
    ("generation", "gauge", "The published generation; 0 if nothing is published."),
    (
        "content_timestamp_seconds",
        "gauge",
        "Time at which this content was first read; 0 if nothing is published.",
    ),
    ("options", "gauge", "Number of options in the published snapshot."),
    ("bytes", "gauge", "Size of the published segment in bytes."),
    ("polls_total", "counter", "Polls since the control page was created."),
    ("failures", "gauge", "Failed polls since the last successful one."),
    ("refused", "gauge", "1 while a guard refuses to publish the last reading."),
    ("held_since_timestamp_seconds", "gauge", "Time of the first of these refusals; 0 if none."),
    ("skipped", "gauge", "Items that were skipped because they are not options."),
    ("from_disk", "gauge", "1 while the copy on disk is served."),
    ("copy_failed", "gauge", "1 while the copy on disk cannot be read or written."),
    ("revision", "gauge", "The revision of the published snapshot; 0 without one."),
    ("table_revision", "gauge", "The newest revision seen in the table; 0 if none is followed."),
    (
        "in_doubt_since_timestamp_seconds",
        "gauge",
        "Since when no revision proves it; 0 if one does.",
    ),
    ("doubts_total", "counter", "Readings that no revision proved."),
    ("read_units_total", "counter", "Read units consumed."),
    ("poll_read_units", "gauge", "Read units that the last poll consumed."),
    ("full_polls_total", "counter", "Polls that read the whole store."),
    ("last_full_timestamp_seconds", "gauge", "Time of the last of these; 0 if none."),
    ("changes_by_log_total", "counter", "Changes taken from the revision item."),
    ("changes_by_items_total", "counter", "Changes taken from change items."),
    ("changes_by_reading_total", "counter", "Changes found by reading the whole store."),
    ("last_success_timestamp_seconds", "gauge", "Time of the last successful poll; 0 if none."),
)

# Beside these: a store without a snapshot has no digest, and so no line.
_CONTENT = ("content_info", "gauge", "1, with the digest of the published content as a label.")


class Metrics:
    """The output that writes the metrics of all stores to a file."""

    def __init__(self, file: MetricsFile) -> None:
        self._file = file

    def update(self, stores: Sequence[ServedStore]) -> None:
        """Replace the file."""
        self._file.write(metrics_text(stores))


def metrics_text(stores: Iterable[ServedStore]) -> str:
    """Return the metrics of all stores."""
    refreshers = [(store.names, store.refresher) for store in stores]
    rows = [(_labels(names), _values(refresher)) for names, refresher in refreshers]
    lines = []
    for name, kind, text in _METRICS:
        lines += _heading(name, kind, text)
        lines += [f"ddbcfg_{name}{labels} {values[name]}" for labels, values in rows]
    lines += _heading(*_CONTENT)
    for names, refresher in refreshers:
        if refresher is not None and refresher.snapshot is not None:
            labels = _labels(names, digest=refresher.snapshot.digest)
            lines.append(f"ddbcfg_{_CONTENT[0]}{labels} 1")
    return "\n".join(lines) + "\n"


def _heading(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP ddbcfg_{name} {text}", f"# TYPE ddbcfg_{name} {kind}"]


def _values(refresher: Refresher | None) -> dict[str, float]:
    if refresher is None:
        return dict.fromkeys((name for name, *_ in _METRICS), 0)
    status, snapshot, changes = refresher.status, refresher.snapshot, refresher.changes
    full_age = age_of(status.full_read)
    return {
        "served": 1,
        "generation": refresher.generation,
        "options": 0 if snapshot is None else len(snapshot),
        "content_timestamp_seconds": 0 if snapshot is None else snapshot.read_at,
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
        "revision": status.revision,
        "table_revision": status.table_revision,
        "in_doubt_since_timestamp_seconds": 0
        if status.doubt_since == NEVER
        else status.doubt_since / 1e9,
        "doubts_total": status.doubts,
        "read_units_total": status.half_units / 2,
        "poll_read_units": status.poll_half_units / 2,
        "full_polls_total": status.full_polls,
        "last_full_timestamp_seconds": 0 if full_age is None else time.time() - full_age,
        "changes_by_log_total": changes[How.LOG],
        "changes_by_items_total": changes[How.CHANGES],
        "changes_by_reading_total": changes.total() - changes[How.LOG] - changes[How.CHANGES],
        "last_success_timestamp_seconds": 0
        if status.success_unix == NEVER
        else status.success_unix / 1e9,
    }


def _labels(names: Names, **more: str) -> str:
    labels = {"namespace": names.namespace, "store": names.store, **more}
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
