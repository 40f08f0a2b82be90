"""No wake-up is lost: an announcement at any moment ends a wait, without the look once a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.waking.waiter import Waiter
from ddbcfg_client.waking.waiting import Changes
from ddbcfg_daemon.publishing.publisher import Publisher
from support.awaiting import PATIENCE, no_tick
from support.interleaving import interleaved
from support.shm import reading
from support.threads import running

ROUNDS = 1000
WAITERS = 3
LONG = 5.0  # seconds, for a pause that something ends


class Announcing:
    """Announces one generation after the other."""

    def __init__(self, names: Names) -> None:
        self.publisher = Publisher(names)
        self.generation = 0
        self.announce()

    def announce(self) -> None:
        self.generation += 1
        self.publisher.publish(reading({"db": {"n": self.generation}}))
        if self.generation % 100 == 0:
            self.publisher.verify()  # removes what was replaced


@pytest.fixture
def announcing(names: Names) -> Iterator[Announcing]:
    announcing = Announcing(names)
    with no_tick():
        yield announcing
    announcing.publisher.close()


def test_an_announcement_before_any_line_of_a_wait_ends_it(
    announcing: Announcing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare() -> None:
        announced.clear()
        config.close()
        assert config["db"] == {"n": announcing.generation}

    def announce() -> None:
        announced.append(announcing.generation)
        announcing.announce()

    def pause(waiter: Waiter, seconds: float) -> None:
        if not announced:
            trace = sys.gettrace()
            sys.settrace(None)
            announce()
            sys.settrace(trace)
        started = time.monotonic()
        real(waiter, LONG)
        assert time.monotonic() - started < LONG, "the announcement was lost"

    config = Config(announcing.publisher.names, Trust())
    announced: list[int] = []
    real = Waiter.pause
    monkeypatch.setattr(Waiter, "pause", pause)
    files = set()
    for woken, where in interleaved(prepare, config.wait, announce):
        assert woken, where
        files.add(where.partition(":")[0])
    assert {f"waking/{name}.py" for name in ("page", "waiting", "instance", "inotify")} <= files


def test_no_announcement_is_lost_on_threads_that_share_an_instance(announcing: Announcing) -> None:
    def follow(stop: threading.Event) -> None:
        changes = config.changes()
        followed.append(changes)
        ready.release()
        for change in changes:
            if change.generation == announcing.generation:
                awake.release()

    config = Config(announcing.publisher.names, Trust())
    assert config.generation == 1
    followed: list[Changes] = []
    ready, awake = threading.Semaphore(0), threading.Semaphore(0)
    with running(*[follow] * WAITERS):
        try:
            for _ in range(WAITERS):
                assert ready.acquire(timeout=PATIENCE)
            for round_ in range(ROUNDS):
                announcing.announce()
                for waiter in range(WAITERS):
                    assert awake.acquire(timeout=LONG), (
                        f"round {round_}: {waiter} of {WAITERS} woke"
                    )
        finally:
            for changes in followed:
                changes.close()
