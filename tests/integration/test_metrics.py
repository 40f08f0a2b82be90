"""Metrics: what a collector reads is whole, and says how each store fares (G7)."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.guards import ShrinkGuard
from ddbcfg_daemon.outputs.metrics import metrics_text
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.sources.base import Progress, Provenance, Reading
from support.daemon import SECRET
from support.shm import reading

_LINE = re.compile(
    r'ddbcfg_(\w+)\{(?:\w+="[^"]+",)*?namespace="([^"]+)",'
    r'store="((?:[^"\\]|\\.)*)"\} ([\d.e+-]+)'
)


class Source:
    def __init__(self) -> None:
        self.now = reading({"db": {"host": SECRET}, "more": {}})

    def read(self, progress: Progress, **_: object) -> Reading:
        return self.now


def numbers(file: Path, store: str) -> dict[str, float]:
    """The metrics of one store in the file, all of whose lines are comments or metrics."""
    lines = [
        line
        for line in file.read_text().splitlines()
        if not line.startswith(("# ", "ddbcfg_build"))
    ]
    found = [_LINE.fullmatch(line) for line in lines]
    assert all(found)
    return {match[1]: float(match[4]) for match in found if match and match[3] == store}


def served(refresher: Refresher) -> ServedStore:
    """The store that *refresher* serves."""
    store = ServedStore(
        refresher.names, lambda: refresher, interval=60.0, end=lambda refresher: None
    )
    store.refresher = refresher
    return store


def test_the_file_says_how_each_store_fares(namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "ddbcfg.prom"
    source = Source()
    well, odd = Publisher(Names(namespace, "prod")), Publisher(Names(namespace, 'odd "\\\n'))
    refreshers = [
        Refresher(source, publisher, 60.0, pid=os.getpid(), guards=[ShrinkGuard()])
        for publisher in (well, odd)
    ]
    stores = [served(refresher) for refresher in refreshers]
    refreshers[0].poll()
    file.write_text(metrics_text(stores))
    prod = numbers(file, "prod")
    expected = {
        "generation": 1,
        "interval_seconds": 60,
        "options": 2,
        "polls_total": 1,
        "failures": 0,
    }
    assert {name: prod[name] for name in expected} == expected
    assert prod["last_success_timestamp_seconds"] > 1.7e9
    unpolled = numbers(file, r"odd \"\\\n")
    assert (unpolled["generation"], unpolled["last_success_timestamp_seconds"]) == (0, 0)
    source.now = reading({})
    refreshers[0].poll()
    file.write_text(metrics_text(stores))
    prod = numbers(file, "prod")
    assert (prod["refused"], prod["failures"], prod["generation"]) == (1, 0, 1)
    assert prod["held_since_timestamp_seconds"] == pytest.approx(time.time(), abs=30)
    stores[0].close()
    file.write_text(metrics_text(stores))
    # Nothing is known of it.  A 0 would say that readers have no snapshot, and a counter that goes
    # back to 0 and up again is a jump for rate().
    assert numbers(file, "prod") == {"served": 0}
    assert numbers(file, r"odd \"\\\n")["served"] == 1
    assert SECRET not in file.read_text()
    for publisher in (well, odd):
        publisher.close()


def test_the_file_says_how_the_table_is_followed(namespace: str) -> None:
    source, publisher = Source(), Publisher(Names(namespace, "prod"))
    refresher = Refresher(source, publisher, 60.0, pid=os.getpid())
    found = Provenance("e", 7, 7, "query")
    source.now = replace(source.now, units=12.5, provenance=found)
    refresher.poll()
    doubt = replace(found, table_revision=8, how="in doubt", in_doubt=True)
    source.now = replace(reading({"db": {}}), units=25, provenance=doubt)
    refresher.poll()
    changed = replace(found, revision=9, table_revision=9, how="log")
    source.now = replace(reading({}), whole=False, units=0.5, provenance=changed)
    refresher.poll()
    text = metrics_text([served(refresher)])
    publisher.close()
    prod = {match[1]: float(match[4]) for line in text.split("\n") if (match := _LINE.match(line))}
    expected = {
        "revision": 9,
        "table_revision": 9,
        "in_doubt_since_timestamp_seconds": 0,
        "doubts_total": 1,
        "read_units_total": 38,
        "poll_read_units": 0.5,
        "full_polls_total": 2,
        "changes_by_log_total": 1,
        "changes_by_items_total": 0,
        "changes_by_reading_total": 2,
    }
    assert {name: prod[name] for name in expected} == expected
    assert prod["last_full_timestamp_seconds"] == pytest.approx(time.time(), abs=30)


def test_hosts_with_equal_content_have_equal_digests_and_say_since_when(
    namespace: str,
) -> None:
    source, publisher = Source(), Publisher(Names(namespace, "prod"))
    refresher = Refresher(source, publisher, 60.0, pid=os.getpid())
    store = served(refresher)
    assert "content_info{" not in metrics_text([store])  # nothing is published yet
    digests = []
    for option in "first", "second", "first":
        source.now = reading({option: {}})
        refresher.poll()
        text = metrics_text([store])
        digests += re.findall(r'ddbcfg_content_info\{digest="([0-9a-f]{64})",.+\} 1.0\n', text)
        [since] = re.findall(r"ddbcfg_content_timestamp_seconds\{.+\} (.+)\n", text)
        assert float(since) == pytest.approx(source.now.read_at / 1e9)
    assert refresher.snapshot is not None
    assert digests[0] == digests[2] == refresher.snapshot.digest != digests[1]
    publisher.close()
