"""What a config says about its snapshot: age, digest and status (G7)."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

import ddbcfg_client
from ddbcfg_client import Config, page_follower
from ddbcfg_client import connecting as connection
from ddbcfg_client.attachment import Attachment
from ddbcfg_client.errors import (
    SnapshotTooStale,
    SnapshotUnavailable,
)
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_client.shm.status import process_start
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import OPTIONS, boottime, changed
from support.shm import reading


def test_generation_and_digest_tell_the_content(publisher: Publisher, config: Config) -> None:
    first = config.digest
    assert config.generation == 1
    publisher.publish(changed(db={}))
    assert config.generation == 2
    assert config.digest != first
    publisher.publish(reading(OPTIONS))
    assert (config.generation, config.digest) == (3, first)


def test_the_same_content_is_no_new_generation(publisher: Publisher, config: Config) -> None:
    assert publisher.publish(reading(dict(reversed(OPTIONS.items())))) is False
    assert config.generation == 1


def test_age_counts_from_the_last_successful_poll(publisher: Publisher, config: Config) -> None:
    assert config.age == pytest.approx(0, abs=2)  # no poll was reported yet: since it was read
    publisher.report(PageStatus(success=boottime() - 7_000_000_000))
    assert config.age == pytest.approx(7, abs=2)
    publisher.report(PageStatus(success=boottime() + 60_000_000_000))
    assert config.age is None  # a time to come is none


READS: dict[str, Callable[[Config], object]] = {
    "get": lambda config: config.get("db"),
    "get with default": lambda config: config.get("nope", None),
    "get everything": lambda config: config.get(),
    "[]": lambda config: config["db"],
    "attribute": lambda config: config.db,
    "in": lambda config: "db" in config,
    "len": len,
    "iter": iter,
    "snapshot": lambda config: config.snapshot(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_a_read_past_max_age_is_refused_and_one_before_is_not(
    publisher: Publisher, read: Callable[[Config], object]
) -> None:
    publisher.report(PageStatus(success=boottime() - 59_500_000_000))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=60)
    refused = None
    while refused is None:
        age = config.age
        assert age is not None
        assert age < 65
        try:
            read(config)
        except SnapshotTooStale as error:
            refused = error
        else:
            assert age <= 60.02  # the hot path's clock is some ms late
    assert "the age of its snapshot is 60." in str(refused)
    assert (refused.store, refused.max_age) == ("prod", 60)
    assert config.generation == 1
    publisher.report(PageStatus(success=boottime()))
    read(config)


def test_an_age_that_grows_at_once_is_seen_within_a_second(publisher: Publisher) -> None:
    """As when a daemon that was started anew serves the copy on disk, or the host slept."""
    publisher.report(PageStatus(success=boottime()))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=60)
    config.get("db")
    publisher.report(PageStatus(success=boottime() - 61_000_000_000))

    def read_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            config.get("db")

    with pytest.raises(SnapshotTooStale):
        read_for(1.5)


def test_a_pause_of_the_process_while_it_asks_for_the_age_is_not_added_to_max_age(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.report(PageStatus(success=boottime() - 10_000_000_000))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=60)
    config.get("db")
    config._name_check_at = math.inf
    pauses: list[float] = []

    def age(attachment: Attachment) -> float | None:
        found = real(attachment)
        pauses.append(100.0)
        return found

    real = Attachment.age
    monkeypatch.setattr(Attachment, "age", age)
    monkeypatch.setattr(page_follower, "monotonic", lambda: time.monotonic() + sum(pauses))
    assert config._hot_until(config._view[4]) <= time.monotonic() + 50.0


def test_an_unknown_age_is_past_every_max_age(publisher: Publisher) -> None:
    publisher.publish(replace(reading({"db": {}}), read_boottime=NEVER))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=1e9)
    with pytest.raises(SnapshotTooStale, match="is unknown"):
        config.get("db")


def test_old_data_is_served_without_max_age(publisher: Publisher, config: Config) -> None:
    publisher.report(PageStatus(success=1))
    assert config.get("db") == OPTIONS["db"]


def test_status_tells_how_the_daemon_fares(publisher: Publisher, config: Config) -> None:
    publisher.report(
        PageStatus(
            interval=30_000_000_000,
            success=boottime() - 3_000_000_000,
            success_unix=1_700_000_000_500_000_000,
            polls=9,
            failures=2,
            skipped=1,
            source="local",
            daemon_pid=os.getpid(),
            daemon_start=process_start(os.getpid()),
            error="DynamoDB is away",
        )
    )
    status = config.status()
    assert (status.namespace, status.store, status.page) == (
        publisher.names.namespace,
        "prod",
        publisher.names.page,
    )
    assert (status.generation, status.digest, status.options) == (1, config.digest, 4)
    assert status.bytes == path_of(publisher.names.segment(1)).stat().st_size
    assert (status.interval, status.polls, status.failures, status.skipped) == (30, 9, 2, 1)
    assert (status.source, status.error) == ("local", "DynamoDB is away")
    assert (status.daemon, status.daemon_pid) == ("running", os.getpid())
    assert status.polled_at == 1_700_000_000.5
    assert status.age == pytest.approx(3, abs=2)
    assert status.read_at == pytest.approx(time.time(), abs=60)
    assert json.loads(json.dumps(status.to_dict())) == status.to_dict()


def test_status_tells_a_daemon_that_stopped_from_one_that_was_killed(
    publisher: Publisher, config: Config
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = process_start(child.pid)
        assert start
        publisher.report(PageStatus(daemon_pid=child.pid, daemon_start=start))
        assert config.status().daemon == "running"
        child.kill()
        # Killed but not yet waited for, it still has its entry in /proc.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert config.status().daemon == "gone"
    assert config.status().daemon == "gone"
    publisher.close()
    assert (config.status().daemon, config.status().daemon_pid) == ("stopped", None)


def test_a_pid_without_its_start_time_is_believed_of_nobody(
    publisher: Publisher, config: Config
) -> None:
    publisher.report(PageStatus(daemon_pid=2**22 + 1, daemon_start=0))
    assert config.status().daemon == "gone"


def test_status_is_there_before_the_first_snapshot(names: Names) -> None:
    publisher = Publisher(names)
    publisher.report(PageStatus(failures=1, error="no such table"))
    with pytest.raises(SnapshotUnavailable):
        ddbcfg_client.connect(names.namespace, "prod")
    config = Config(names, connection.trust_in(None))
    status = config.status()
    assert (status.generation, status.digest, status.error) == (0, None, "no such table")
    publisher.publish(reading(OPTIONS))
    assert (config.status().generation, config["db"]) == (1, OPTIONS["db"])
    publisher.close()
