"""The metrics of all stores: the one place that knows them, for the file and for HTTP."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ddbcfg_client.dynamodb.revision.known import How
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER
from ddbcfg_client.shm.clock import age_of
from ddbcfg_client.version import VERSION
from ddbcfg_daemon.layers.state import LayerState
from ddbcfg_daemon.poll_figures import Durations
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore

_LABELS = ("namespace", "store")

# The name of a counter ends with _total.
_METRICS = (
    ("served", "1 while the daemon serves the store, 0 while an error prevents it."),
    ("interval_seconds", "The interval of the polls, or of the slowest layer if that is longer."),
    ("generation", "The published generation; 0 if nothing is published."),
    (
        "content_timestamp_seconds",
        "Time at which this content was first read; 0 if nothing is published.",
    ),
    ("options", "Number of options in the published snapshot."),
    ("bytes", "Size of the published segment in bytes."),
    ("polls_total", "Polls since the control page was created."),
    ("failures", "Failed polls since the last successful one."),
    ("refused", "1 while a guard refuses to publish the last reading."),
    ("refusals_total", "Readings that a guard refused to publish."),
    ("held_since_timestamp_seconds", "Since when newer content is held; 0 if it is not."),
    ("pinned", "1 while an operator's pin decides what is published."),
    ("pinned_since_timestamp_seconds", "Time of the pin; 0 if nothing is pinned."),
    ("skipped", "Items that were skipped because they are not options."),
    ("from_disk", "1 while the copy on disk is served."),
    ("copy_failed", "1 while the copy on disk cannot be read or written."),
    ("revision", "The revision of the published snapshot; 0 without one."),
    ("table_revision", "The newest revision seen in the table; 0 if none is followed."),
    ("in_doubt_since_timestamp_seconds", "Since when no revision proves it; 0 if one does."),
    ("doubts_total", "Readings that no revision proved."),
    ("read_units_total", "Read units consumed."),
    ("poll_read_units", "Read units that the last poll consumed."),
    ("full_polls_total", "Polls that read the whole store."),
    ("last_full_timestamp_seconds", "Time of the last of these; 0 if none."),
    ("requests_total", "Requests for a poll, by clients and signals."),
    ("changes_by_log_total", "Changes taken from the revision item."),
    ("changes_by_items_total", "Changes taken from change items."),
    ("changes_by_reading_total", "Changes found by reading the whole store."),
    ("last_success_timestamp_seconds", "Time of the last successful poll; 0 if none."),
)
#: For each layer of a store that merges several.
LAYER_METRICS: tuple[tuple[str, str, Callable[[LayerState], float]], ...] = (
    ("options", "Number of options in the layer, as it is merged.", lambda its: its.options),
    (
        "failures",
        "Failed readings of the layer since the last successful one.",
        lambda its: its.failures,
    ),
    (
        "refused",
        "1 while a guard refuses the layer's last reading.",
        lambda its: int(bool(its.held)),
    ),
    (
        "revision",
        "The revision of the layer, as it is merged; 0 without one.",
        lambda its: its.revision,
    ),
    (
        "from_disk",
        "1 while the layer's copy on disk is merged.",
        lambda its: int(its.source == "disk"),
    ),
    (
        "copy_failed",
        "1 while the layer's copy on disk cannot be used, or is not up to date.",
        lambda its: int(bool(its.copy_error)),
    ),
    ("interval_seconds", "The interval of the readings of the layer.", lambda its: its.interval),
    (
        "last_success_timestamp_seconds",
        "When the table last confirmed the layer; 0 if never.",
        lambda its: 0 if its.age is None else time.time() - its.age,
    ),
)
_DURATIONS: tuple[tuple[str, str, Callable[[Refresher], Durations]], ...] = (
    ("poll_seconds", "Duration of polls.", lambda refresher: refresher.figures.polls),
    ("publish_seconds", "Duration of publications.", lambda refresher: refresher.figures.publishes),
)


def registry_of(stores: Callable[[], Iterable[ServedStore]], *, live: bool) -> CollectorRegistry:
    """Return a registry that collects the metrics of ``stores``, as they are at each collection.

    ``live`` adds what is true only at this moment, and not when a file is read later: the age.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Stores(stores, live=live))
    return registry


class _Stores(Collector):
    def __init__(self, stores: Callable[[], Iterable[ServedStore]], *, live: bool) -> None:
        self._stores = stores
        self._live = live

    def collect(self) -> Iterator[Metric]:
        # Once, because a store can lose its refresher at any time.
        refreshers = [(store.names, store.refresher) for store in self._stores()]
        served = [(names, refresher) for names, refresher in refreshers if refresher is not None]
        yield from _values(refreshers)
        yield _content(served)
        yield _failures(served)
        yield from _layers(served)
        if self._live:
            yield _age(served)
        for name, text, durations in _DURATIONS:
            histogram = HistogramMetricFamily(f"ddbcfg_{name}", text, labels=_LABELS)
            for names, refresher in served:
                found = durations(refresher)
                buckets = [(_bound(bound), count) for bound, count in found.cumulative()]
                histogram.add_metric(_of(names), buckets, found.total)
            yield histogram
        build = GaugeMetricFamily(
            "ddbcfg_build_info", "1, with the daemon's version.", labels=("version", "python")
        )
        build.add_metric((VERSION, platform.python_version()), 1)
        yield build


def _values(refreshers: Sequence[tuple[Names, Refresher | None]]) -> Iterator[Metric]:
    rows = [(_of(names), _values_of(refresher)) for names, refresher in refreshers]
    for name, text in _METRICS:
        kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
        family = kind(f"ddbcfg_{name}", text, labels=_LABELS)
        for labels, values in rows:
            if name in values:
                family.add_metric(labels, values[name])
        yield family


def _content(served: Sequence[tuple[Names, Refresher]]) -> Metric:
    """Return the digests; a store without a snapshot has none, and so no line."""
    info = GaugeMetricFamily(
        "ddbcfg_content_info",
        "1, with the digest of the published content as a label.",
        labels=(*_LABELS, "digest"),
    )
    for names, refresher in served:
        snapshot = refresher.snapshot
        if snapshot is not None:
            info.add_metric((*_of(names), snapshot.digest), 1)
    return info


def _failures(served: Sequence[tuple[Names, Refresher]]) -> Metric:
    failures = CounterMetricFamily(
        "ddbcfg_poll_failures",
        "Failed polls by the class of their error.",
        labels=(*_LABELS, "cause"),
    )
    for names, refresher in served:
        for cause, count in sorted(refresher.figures.failures.copy().items()):
            failures.add_metric((*_of(names), cause), count)
    return failures


def _layers(served: Sequence[tuple[Names, Refresher]]) -> Iterator[Metric]:
    layers = [(names, layer) for names, refresher in served for layer in refresher.layers]
    for name, text, value in LAYER_METRICS if layers else ():
        family = GaugeMetricFamily(f"ddbcfg_layer_{name}", text, labels=(*_LABELS, "layer"))
        for names, layer in layers:
            family.add_metric((*_of(names), layer.name), value(layer))
        yield family


def _age(served: Sequence[tuple[Names, Refresher]]) -> Metric:
    ages = GaugeMetricFamily(
        "ddbcfg_age_seconds",
        "Age of the published snapshot; no line if it is unknown.",
        labels=_LABELS,
    )
    for names, refresher in served:
        age = age_of(refresher.status.success)
        if age is not None and refresher.generation:
            ages.add_metric(_of(names), age)
    return ages


def _values_of(refresher: Refresher | None) -> dict[str, float]:
    if refresher is None:
        return {"served": 0}  # nothing else is known: readers may have a snapshot
    status, snapshot, changes = refresher.status, refresher.snapshot, refresher.changes
    full_age = age_of(status.full_read)
    return {
        "served": 1,
        "interval_seconds": refresher.longest_interval,
        "generation": refresher.generation,
        "options": 0 if snapshot is None else len(snapshot),
        "content_timestamp_seconds": 0 if snapshot is None else snapshot.read_at,
        "bytes": 0 if snapshot is None else snapshot.size,
        "polls_total": status.polls,
        "failures": status.failures,
        "refused": int(refresher.refused),
        "refusals_total": refresher.figures.refusals,
        "held_since_timestamp_seconds": _seconds(status.held_since),
        "pinned": int(bool(refresher.pinned)),
        "pinned_since_timestamp_seconds": _seconds(status.pinned_since),
        "skipped": status.skipped,
        "copy_failed": int(bool(refresher.copy_error)),
        "from_disk": int(status.source == "disk"),
        "revision": status.revision,
        "table_revision": status.table_revision,
        "in_doubt_since_timestamp_seconds": _seconds(status.doubt_since),
        "doubts_total": status.doubts,
        "read_units_total": status.half_units / 2,
        "poll_read_units": status.poll_half_units / 2,
        "full_polls_total": status.full_polls,
        "last_full_timestamp_seconds": 0 if full_age is None else time.time() - full_age,
        "requests_total": refresher.requests,
        "changes_by_log_total": changes[How.LOG],
        "changes_by_items_total": changes[How.CHANGES],
        "changes_by_reading_total": changes.total() - changes[How.LOG] - changes[How.CHANGES],
        "last_success_timestamp_seconds": _seconds(status.success_unix),
    }


def _seconds(moment: int) -> float:
    return 0 if moment == NEVER else moment / 1e9


def _of(names: Names) -> tuple[str, str]:
    return names.namespace, names.store


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)
