"""One writer, killed at any instruction (G3, G5)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import posix_ipc
import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import Crasher, Holder
from support.shm import objects_of, unique_namespace
from support.taking_over import Clock, config_of, number_of, publish, segments_of


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    crasher = Crasher()
    yield crasher
    crasher.close()


class Rounds:
    """Kill after kill, each with readers there, each followed by the next publisher."""

    def __init__(self, crasher: Crasher, act: str, *, first: bool) -> None:
        self.crasher = crasher
        self.act = act
        self.first = first
        self.points: list[str] = []

    def kill_at(self, **point: int) -> bool:
        """One round; whether the publisher was killed before it was done."""
        names = Names(unique_namespace(), "prod")
        try:
            return self._kill_at(names, point)
        finally:
            for path in objects_of(names):
                path.unlink()

    def _kill_at(self, names: Names, point: dict[str, int]) -> bool:
        config = config_of(names)
        before, generation = 0, 0
        if not self.first:
            with_old = Publisher(names)
            publish(with_old, 1)
            with_old.close()
            before, generation = number_of(config), config.generation
        killed, steps = self.crasher.run(self.act, names.namespace, 2, **point)
        if not killed:
            return False
        self.points.append(steps[-1])
        allowed = {before, 2} - {0}
        if before:
            assert number_of(config) in allowed
        try:
            assert number_of(config_of(names)) in allowed
        except SnapshotUnavailable:
            # New readers need a page; it was removed, or was never there.
            assert self.first or self.act in ("repair_page", "repair_segment", "start_without_page")
        self._recover(names, config, generation)
        return True

    def _recover(self, names: Names, config: Config, generation: int) -> None:
        began = time.monotonic()
        publisher = Publisher(names)
        assert time.monotonic() - began < 2
        assert publisher.generation >= generation
        # What this process still holds, and what is current.
        assert len(segments_of(names)) <= 2
        publish(publisher, 3)
        assert publisher.generation > generation
        assert number_of(config_of(names)) == 3
        Clock(config).ahead += 5
        assert number_of(config) == 3
        assert config.generation == publisher.generation > generation
        publisher.verify()
        assert segments_of(names) == [names.segment(publisher.generation)[1:]]
        publisher.close()

    def all_steps(self) -> None:
        while self.kill_at(step=len(self.points) + 1):
            pass

    def all_lines(self, every: int) -> None:
        line = 1
        while self.kill_at(line=line):
            line += every


# What is done, whether nothing is published before, and every which line is tried: the repairs
# share most of theirs with a publication.
ACTS = [
    pytest.param("publish", True, 4, id="first publication"),
    pytest.param("publish", False, 2, id="next publication"),
    pytest.param("repair_page", False, 8, id="repair of the page"),
    pytest.param("repair_segment", False, 8, id="repair of the segment"),
    pytest.param("start_without_page", False, 8, id="start without the page"),
]


@pytest.mark.parametrize(("act", "first", "every"), ACTS)
def test_killed_at_every_step_it_leaves_readers_whole_and_the_next_unhindered(
    crasher: Crasher,
    act: str,
    first: bool,
    every: int,
    record_property: Callable[[str, object], None],
) -> None:
    del every
    rounds = Rounds(crasher, act, first=first)
    rounds.all_steps()
    record_property("kill_points", rounds.points)
    print(f"{len(rounds.points)} kill points: {', '.join(rounds.points)}")
    assert {"create", "write", "mode", "acquire", "announce", "release"} <= set(rounds.points)


@pytest.mark.parametrize(("act", "first", "every"), ACTS)
def test_killed_before_a_line_it_leaves_readers_whole_and_the_next_unhindered(
    crasher: Crasher,
    act: str,
    first: bool,
    every: int,
    record_property: Callable[[str, object], None],
) -> None:
    rounds = Rounds(crasher, act, first=first)
    rounds.all_lines(every)
    record_property("kill_points", len(rounds.points))
    print(f"{len(rounds.points)} kill points: {rounds.points[0]} … {rounds.points[-1]}")
    assert len(rounds.points) > 300 // every


def test_a_publisher_that_is_killed_but_not_waited_for_holds_nothing(names: Names) -> None:
    """A zombie still has its entry, and its start time, in /proc."""
    holder = Holder(names.namespace)
    try:
        holder.kill()
        assert os.path.exists(f"/proc/{holder.pid}/stat")
        publisher = Publisher(names)
        publish(publisher, 2)
        publisher.close()
    finally:
        holder.close()
    assert number_of(config_of(names)) == 2


def test_a_pid_whose_start_time_is_not_known_holds_nothing(names: Names) -> None:
    first = Publisher(names)
    publish(first, 1)
    first.report(PageStatus(daemon_pid=2**22 + 1, daemon_start=0))
    first._lock.release()
    Publisher(names).close()


def test_a_left_over_semaphore_that_is_taken_holds_up_nobody(names: Names) -> None:
    publisher = Publisher(names)
    semaphore = posix_ipc.Semaphore(names.semaphore)
    semaphore.acquire(0)  # as one that was killed while it published
    semaphore.close()
    publisher.close()
    following = Publisher(names)
    publish(following, 1)
    following.close()


def test_what_a_killed_publisher_left_half_written_is_not_recovered(names: Names) -> None:
    publisher = Publisher(names)
    publish(publisher, 1)
    publish(publisher, 2)
    publisher.close()
    whole = path_of(names.segment(2)).read_bytes()
    path_of(names.page).unlink()
    path_of(names.segment(3)).write_bytes(whole)  # says that it is generation 2
    path_of(names.segment(4)).write_bytes(whole[:-1])
    path_of(names.segment(5)).write_bytes(bytes(len(whole)))
    publisher = Publisher(names)
    assert publisher.generation == 2
    assert segments_of(names) == [names.segment(2)[1:]]
    assert number_of(config_of(names)) == 2
    publish(publisher, 3)
    assert publisher.generation == 6
    publisher.close()
