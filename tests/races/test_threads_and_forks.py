"""G3, never frozen: every thread and every forked child sees a new generation at its next read.

With no hook to call, whenever the fork was, and whatever other threads were doing then.
"""

from __future__ import annotations

import sysconfig
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

import ddbcfg_client.page_follower
from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotError
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading
from support.children import start_module
from support.racing import OPTIONS, number_in, option
from support.threads import running

THREADS = 8
PUBLICATIONS = 200


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publish(publisher, 1)
    yield publisher
    publisher.close()


def publish(publisher: Publisher, number: int) -> None:
    publisher.publish(Reading(dict.fromkeys(OPTIONS, option(number)), time.time_ns()))


@pytest.mark.parametrize("closing", [False, True], ids=["reading", "reading and attaching anew"])
def test_no_thread_sees_a_generation_go_back(publisher: Publisher, closing: bool) -> None:
    config = Config(publisher.names, Trust())
    failures: list[str] = []
    seen: list[int] = []
    progress = [0] * THREADS

    def read(thread: int, stop: threading.Event) -> None:
        newest = generation = generations = 0
        while newest < PUBLICATIONS and not failures and not stop.is_set():
            snapshot = config.snapshot()
            numbers = [
                number_in(config.get("db")),
                number_in(config["timeouts"]),
                number_in(config.get()["secret-key"]),
            ]
            pair = [snapshot.generation, config.generation]
            if numbers != sorted(numbers) or numbers[0] < newest:
                failures.append(f"publication {newest}, then {numbers}")
            if pair != sorted(pair) or pair[0] < generation:
                failures.append(f"generation {generation}, then {pair}")
            if {number_in(snapshot[name]) for name in OPTIONS} != {snapshot.generation}:
                failures.append(f"generation {snapshot.generation} is mixed")
            generations += pair[1] != generation
            newest, generation = numbers[-1], pair[1]
            progress[thread] = newest
            if closing and generations % 7 == 0:
                config.close()
        seen.append(generations)

    with running(*(partial(read, number) for number in range(THREADS))) as threads:
        for number in range(2, PUBLICATIONS + 1):
            publish(publisher, number)
            # Not faster than the readers can see it, or most generations would be seen by nobody.
            while sum(newest >= number - 1 for newest in progress) < 2 and not failures:
                time.sleep(0)
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(seen) == THREADS
    assert min(seen) > 10
    print(f"generations seen by each of {THREADS} threads, of {PUBLICATIONS}: {sorted(seen)}")


@pytest.mark.parametrize("place", ["Segment", "_hot_until"])
def test_a_thread_that_fails_late_does_not_go_back_behind_one_that_did_not(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """One finds no descriptor; before it has said so, another takes up what is current."""
    config = Config(publisher.names, Trust())
    assert number_in(config["db"]) == 1
    publish(publisher, 2)
    main = threading.current_thread()
    others: list[threading.Thread] = []
    really_open, really_until = ddbcfg_client.page_follower.Segment, Config._hot_until

    def succeed() -> None:
        other = threading.Thread(target=lambda: seen.append(number_in(config["db"])))
        others.append(other)
        other.start()
        other.join()

    def segment(name: str, *arguments: Any) -> Any:
        if threading.current_thread() is not main or others:
            return really_open(name, *arguments)
        if place == "Segment":
            succeed()
        raise SnapshotError(name, "no descriptor is left")

    def until(self: Config, *arguments: Any) -> float:
        if threading.current_thread() is main and place == "_hot_until" and not others:
            succeed()
        return really_until(self, *arguments)

    seen: list[int | None] = []
    monkeypatch.setattr(ddbcfg_client.page_follower, "Segment", segment)
    monkeypatch.setattr(Config, "_hot_until", until)
    first = number_in(config["db"])
    assert seen == [2]
    assert first == 2
    assert number_in(config["db"]) == 2
    assert config.status().reader_error is None


# Free-threaded Python has a lock in every dict, and a child that is forked while another thread
# holds one waits for ever: docs/reliability.md.
HAMMER = pytest.param(
    "hammer",
    marks=pytest.mark.skipif(
        bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="this Python cannot do it"
    ),
)


@pytest.mark.parametrize("scene", ["family", "midway", HAMMER])
def test_a_config_goes_on_working_across_forks(publisher: Publisher, scene: str) -> None:
    """See support.forking for the scenes."""
    with start_module("support.forking", scene, publisher.names.namespace) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if line == "ok\n":
                break
            command, number = line.split()
            assert command == "publish"
            publish(publisher, int(number))
            process.stdin.write("published\n")
            process.stdin.flush()
        else:
            pytest.fail(f"the scene ended with code {process.wait()}")
