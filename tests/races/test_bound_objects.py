"""``config.bind`` among threads, greenlets and forks: each gets one object (G3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.sources.base import Reading
from support.bound_forking import SCENES
from support.children import run_python, start_module
from support.racing import OPTIONS, number_in, option
from support.threads import running


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publish(publisher, 1)
    yield publisher
    publisher.close()


def publish(publisher: Publisher, number: int) -> None:
    publisher.publish(Reading(dict.fromkeys(OPTIONS, option(number)), time.time_ns()))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("by", ["word", "pid"])
def test_a_bound_object_is_made_anew_in_each_forked_process(
    publisher: Publisher, scene: str, by: str
) -> None:
    """See support.bound_forking for the scenes; ``pid`` is for kernels that wipe no pages."""
    arguments = [scene, publisher.names.namespace, *([by] if by == "pid" else [])]
    with start_module("support.bound_forking", *arguments) as process:
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


THREADS = 6
PUBLICATIONS = 60


def test_threads_get_one_object_for_each_version_and_the_current_one(publisher: Publisher) -> None:
    config = Config(publisher.names, Trust())
    made: list[int | None] = []
    disposed: list[tuple[int | None]] = []
    failures: list[str] = []
    progress = [0] * THREADS

    def make(option: Any) -> tuple[int | None]:
        made.append(number_in(option))
        time.sleep(0)  # other threads come by
        return (number_in(option),)

    pool = config.bind("db", make, disposed.append)
    by_number: dict[int | None, tuple[int | None]] = {}

    def call(thread: int, stop: threading.Event) -> None:
        while progress[thread] < PUBLICATIONS and not failures and not stop.is_set():
            least = number_in(config["db"]) or 0
            found = pool()
            if by_number.setdefault(found[0], found) is not found:
                failures.append(f"two objects of publication {found[0]}")
            if (found[0] or 0) < max(least, progress[thread]):
                failures.append(f"publication {found[0]} after {least}")
            progress[thread] = found[0] or 0

    with running(*[lambda stop, n=n: call(n, stop) for n in range(THREADS)]) as threads:  # type: ignore[misc]
        for number in range(2, PUBLICATIONS + 1):
            publish(publisher, number)
            while sum(newest >= number - 1 for newest in progress) < 2 and not failures:
                time.sleep(0)
        for thread in threads:
            thread.join()
    assert failures == []
    assert made == sorted(set(made))
    assert sorted(one or 0 for (one,) in disposed) == made[:-1]  # two threads may dispose at once
    assert len(made) > PUBLICATIONS // 2


_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent
from ddbcfg_client.testing import FakeConfig

config = FakeConfig({"db": {"n": 1}})
made = []

def make(option):
    gevent.sleep(0.01)  # as a connection would
    made.append(option)
    return object()

pool = config.bind("db", make)
for round in range(1, 4):
    jobs = [gevent.spawn(pool) for _ in range(20)]
    assert gevent.joinall(jobs, timeout=20) == jobs
    assert len({job.value for job in jobs}) == 1
    assert len(made) == round
    config.set("db", {"n": round + 1})
print("ok")
"""


_FORKED_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import os
import gevent
from gevent.event import Event
from ddbcfg_client.testing import FakeConfig

class Pool:
    def __init__(self, option):
        self.pid = os.getpid()
        waits.wait()  # as for a connection

    def dispose(self):
        assert self.pid == os.getpid()
        disposed.append(self)

    def __del__(self):
        if self.pid != os.getpid():
            os._exit(99)

disposed = []
waits = Event()
waits.set()
config = FakeConfig({"db": {"n": 1}})
pool = config.bind("db", Pool, Pool.dispose)
pool()
config.set("db", {"n": 2})
waits.clear()
jobs = [gevent.spawn(pool), gevent.spawn(pool), gevent.spawn(pool.close)]
gevent.sleep(0)
child = os.fork()
waits.set()
gevent.joinall(jobs, timeout=20)
for job in jobs[:2]:
    assert job.value.pid == os.getpid()
assert pool().pid == os.getpid()
if child == 0:
    assert len(disposed) == 0
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert len(disposed) == 2
print("ok")
"""


def test_greenlets_that_go_on_in_a_forked_child_get_its_own_object() -> None:
    pytest.importorskip("gevent")
    assert run_python("-c", _FORKED_GREENLETS).stdout == "ok\n"


def test_greenlets_get_one_object_and_do_not_block_each_other() -> None:
    pytest.importorskip("gevent")
    assert run_python("-c", _GREENLETS).stdout == "ok\n"
