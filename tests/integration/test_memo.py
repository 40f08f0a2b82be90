"""G8, flat: what a reader keeps goes by the options that are read and live, not by all there were.

And what did not change stays the same object.
"""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator, Mapping
from functools import partial

import pytest

import ddbcfg_client
from ddbcfg_client.errors import SnapshotCorrupt
from ddbcfg_client.format.names import Names
from ddbcfg_client.memo import Memo
from ddbcfg_client.readonly import ReadOnlyDict
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading
from support.threads import running
from support.waiting import wait_until

LIVE = 100
KEPT = {f"kept-{number}": {"n": str(number)} for number in range(20)}


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publisher.publish(reading(KEPT))
    yield publisher
    publisher.close()


def churned(generation: int) -> Mapping[str, dict[str, str]]:
    """Options of which all but a few are called otherwise in each generation."""
    return {**KEPT, **{f"{generation}-{number}": {"n": "x"} for number in range(LIVE - len(KEPT))}}


def test_154_200_names_of_which_100_are_live_take_the_memory_of_some_hundred() -> None:
    memo = Memo()
    tracemalloc.start()
    try:
        for generation in range(1542):
            live = {f"{generation}-{number}": None for number in range(LIVE)}
            for name in live:
                value = ReadOnlyDict({"key": bytes(500)})
                memo.keep(name, generation, bytes(500), value, live)
            assert len(memo) < 6 * LIVE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * LIVE * 2500  # all of them would take 240 MB


@pytest.mark.parametrize("threads", [1, 4])
def test_a_reader_of_churning_names_keeps_what_lives_and_little_else(
    publisher: Publisher, threads: int
) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    before = {name: config[name] for name in KEPT}
    failures: list[str] = []
    progress = [0] * threads
    last = 60 if threads == 1 else 25

    def read(thread: int, stop: threading.Event) -> None:
        while progress[thread] < last and not failures and not stop.is_set():
            snapshot = config.snapshot()
            for name in snapshot:
                found = snapshot[name]
                if name in before and found is not before[name]:
                    failures.append(f"{name} is another object in generation {snapshot.generation}")
            if len(config._memo) > 8 * LIVE:
                failures.append(f"{len(config._memo)} options are kept")
            progress[thread] = snapshot.generation

    with running(*(partial(read, thread) for thread in range(threads))) as readers:
        for generation in range(2, last + 1):
            publisher.publish(reading(churned(generation)))
            # Each generation is seen by at least one of them.
            wait_until(lambda: max(progress) >= generation or failures)  # noqa: B023 - called now
        for reader in readers:
            reader.join()
    assert failures == []
    assert len(config._memo) >= LIVE


def test_a_pinned_snapshot_that_reads_on_takes_nothing_from_the_current_one(
    publisher: Publisher,
) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    publisher.publish(reading({f"old-{number}": {} for number in range(500)}))
    pinned = config.snapshot()
    publisher.publish(reading({"new": {"n": "1"}}))
    new = config["new"]
    assert "new" not in pinned
    assert pinned.get("new") is None
    assert all(pinned[name] == {} for name in pinned)  # so many that the memo is tidied
    publisher.publish(reading({"new": {"n": "1"}, "more": {}}))
    assert config["new"] is new


def test_a_read_is_not_held_up_by_damage_elsewhere(publisher: Publisher) -> None:
    """Tidying looks at other options; a read is not about those."""
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    publisher.publish(reading({f"old-{number}": {} for number in range(200)}))
    assert len(config.get()) == 200
    publisher.publish(reading({f"new-{number}": {} for number in range(200)}))
    snapshot = config.snapshot()
    segment = path_of(publisher.names.segment(publisher.generation))
    with segment.open("r+b") as file:
        file.seek(snapshot._segment.header.blocks_at)
        file.write(b"\xff\xff\xff\xff")
    assert all(config[f"new-{number}"] == {} for number in range(200))
    with pytest.raises(SnapshotCorrupt):
        config.get("nope", None)
