"""One writer, killed at any instruction, and whatever was removed under it.

G5 (it never blocks the next, and nobody cleans up by hand), G4 (readers keep the old generation or
have the new one, whole), G3 (they get back by themselves).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import posix_ipc
import pytest

import ddbcfg_client
from ddbcfg_client import page_follower
from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotUnavailable, UntrustedSegment
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import LAYOUT_WORD, PageStatus
from ddbcfg_client.shm.page import Page
from ddbcfg_client.shm.status import process_start
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import NoSpace, PublishError, WriterLocked
from ddbcfg_daemon.publishing import segment_files
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import Crasher, Holder, reading
from support.racing import OPTIONS, number_in
from support.shm import objects_of, unique_namespace

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture(scope="module")
def crasher() -> Iterator[Crasher]:
    crasher = Crasher()
    yield crasher
    crasher.close()


class Clock:
    """A clock that a test can set forward for one reader.

    What the reader means to do at a time comes nearer instead: compiled, it has a clock of its own.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ahead = 0.0

    @property
    def ahead(self) -> float:
        """Seconds."""
        return self._ahead

    @ahead.setter
    def ahead(self, seconds: float) -> None:
        config, step = self._config, seconds - self._ahead
        *rest, until, attachment = config._view
        config._view = (*rest, until - step, attachment)
        config._name_check_at -= step
        self._ahead = seconds


def config_of(names: Names) -> Config:
    return Config(names, Trust())


def number_of(config: Config) -> int:
    """The publication that *config* has; all options of a snapshot must be of one."""
    snapshot = config.snapshot()
    numbers = {number_in(snapshot[name]) for name in OPTIONS}
    assert list(snapshot) == sorted(OPTIONS)
    assert len(numbers) == 1
    (number,) = numbers
    assert number is not None
    return number


def segments_of(names: Names) -> list[str]:
    return [
        path.name for path in objects_of(names) if names.generation_of(f"/{path.name}") is not None
    ]


def publish(publisher: Publisher, number: int) -> None:
    assert publisher.publish(reading(number))


# --- killed at every step, and at every line -----------------------------------------------------


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


# --- one writer ----------------------------------------------------------------------------------


@pytest.fixture
def holder(names: Names) -> Iterator[Holder]:
    """Another process that serves the store."""
    holder = Holder(names.namespace)
    yield holder
    holder.close()


def test_a_second_publisher_is_told_who_the_first_is(names: Names, holder: Holder) -> None:
    before = objects_of(names)
    with pytest.raises(WriterLocked, match=f"another daemon on this host .pid {holder.pid}.") as e:
        Publisher(names)
    assert e.value.pid == holder.pid
    assert holder.tell("verify") == []
    assert objects_of(names) == before
    assert number_of(config_of(names)) == 1


def test_a_second_publisher_that_cannot_know_the_pid_says_so(names: Names) -> None:
    first = Publisher(names)
    with pytest.raises(WriterLocked, match="its pid is not known") as caught:
        Publisher(names)
    assert caught.value.pid == 0
    first.close()
    Publisher(names).close()


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_child_does_not_keep_the_lock_of_a_killed_publisher(
    names: Names, holder: Holder, how: str
) -> None:
    child = holder.tell(how)
    try:
        holder.close()
        publisher = Publisher(names)
        publish(publisher, 2)
        publisher.close()
        os.kill(child, 0)  # it is still there
    finally:
        os.kill(child, signal.SIGKILL)
    assert number_of(config_of(names)) == 2


def test_who_removes_the_locks_name_does_not_let_a_second_publisher_in(
    names: Names, holder: Holder
) -> None:
    path_of(names.lock).unlink()
    for _ in range(2):
        with pytest.raises(WriterLocked) as caught:
            Publisher(names)
        assert caught.value.pid == holder.pid
    assert holder.tell("verify") == []  # takes the lock anew
    path_of(names.page).unlink()  # the pid with it
    with pytest.raises(WriterLocked):
        Publisher(names)
    assert holder.tell("verify") == ["the control page"]
    holder.close()
    Publisher(names).close()


def test_a_publisher_that_lost_the_store_notices_at_its_next_poll(
    names: Names, holder: Holder
) -> None:
    config = config_of(names)
    assert number_of(config) == 1
    path_of(names.lock).unlink()
    path_of(names.page).unlink()
    newcomer = Publisher(names)  # nothing tells it of the other
    publish(newcomer, 2)
    assert holder.tell("verify") == ["WriterLocked"]
    assert number_of(config_of(names)) == 2
    newcomer.close()


def test_a_publisher_that_lost_the_store_says_nothing_in_its_successors_page(names: Names) -> None:
    first = Publisher(names)
    publish(first, 1)
    path_of(names.lock).unlink()
    second = Publisher(names)  # nothing tells it of the other, and the page is the same
    second.report(PageStatus(daemon_pid=os.getpid(), polls=7))
    with pytest.raises(WriterLocked):
        first.verify()
    first.close()
    assert config_of(names).status().daemon_pid == os.getpid()
    second.close()
    assert config_of(names).status().daemon == "stopped"


def test_fifty_publishers_at_once_have_one_winner_each_time(names: Names) -> None:
    for _ in range(50):
        winners = []
        for _ in range(3):
            try:
                winners.append(Publisher(names))
            except WriterLocked:
                pass
        assert len(winners) == 1
        winners[0].close()


# --- removed under it ----------------------------------------------------------------------------


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher that has published number 1."""
    publisher = Publisher(names)
    publish(publisher, 1)
    yield publisher
    publisher.close()


def test_nothing_removed_is_nothing_to_repair(publisher: Publisher) -> None:
    before = objects_of(publisher.names)
    assert publisher.verify() == []
    assert publisher.generation == 1
    assert objects_of(publisher.names) == before


def test_a_removed_page_is_made_anew_and_its_readers_sent_there_at_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1
    publisher.report(PageStatus(polls=7, error="kept"))
    path_of(names.page).unlink()
    with pytest.raises(SnapshotUnavailable):
        number_of(config_of(names))
    assert publisher.verify() == ["the control page"]
    # However often a reader looks at the name: the old page says that it is retired.
    monkeypatch.setattr(page_follower, "_NAME_CHECK", 1e9)
    old = config._view[0]
    assert config.generation == 1  # its content and its segment are what they were
    assert config._view[0] is not old
    assert config.status().error == "kept"
    assert number_of(config_of(names)) == 1
    assert segments_of(names) == [names.segment(1)[1:]]
    publish(publisher, 2)
    assert (number_of(config), config.generation) == (2, 2)
    assert publisher.verify() == []


def seen_by_readers(page: Path) -> bool | None:
    """Whether who finds the page may read it and finds it made; None when there is none."""
    try:
        return page.stat().st_mode & 0o777 == 0o640 and any(page.read_bytes()[:8])
    except FileNotFoundError:
        return None


def test_a_page_is_whole_and_readable_as_soon_as_it_has_its_name(names: Names) -> None:
    """Else who waits for a daemon that is just starting is refused instead."""
    page, seen = path_of(names.page), set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        seen.add(seen_by_readers(page))
        return trace

    def watched(make: Callable[[], Publisher]) -> Publisher:
        seen.clear()
        sys.settrace(trace)
        try:
            return make()
        finally:
            sys.settrace(None)
            assert seen == {None, True}

    publisher = watched(lambda: Publisher(names))

    def repaired() -> Publisher:
        page.unlink()
        publisher.verify()
        return publisher

    watched(repaired).close()


@needs_root
def test_a_strangers_file_in_the_place_of_the_segment_is_noticed(publisher: Publisher) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1
    segment = path_of(names.segment(1))
    segment.unlink()
    segment.touch()
    os.chown(segment, NOBODY, NOBODY)
    with pytest.raises(UntrustedSegment):
        config_of(names).get()
    assert publisher.verify() == ["the snapshot segment"]
    assert number_of(config_of(names)) == number_of(config) == 1
    assert publisher.verify() == []
    segment.unlink(missing_ok=True)


def test_a_segment_that_is_removed_while_it_is_published_fails_that_publication(
    names: Names,
) -> None:
    remove: list[str] = ["create", "mode"]

    def at(step: str) -> None:
        if remove and step == remove[-1]:
            for segment in segments_of(names):
                path_of(f"/{segment}").unlink()

    publisher = Publisher(names, at=at)
    with pytest.raises(PublishError, match="was removed while it was published"):
        publisher.publish(reading(1))
    remove.clear()
    publish(publisher, 1)
    assert number_of(config_of(names)) == 1
    publisher.close()


def test_the_age_of_the_generation_before_is_no_younger_after_a_kill(names: Names) -> None:
    """G7: killed between an announcement and the report that follows it."""
    killed = Publisher(names)
    publish(killed, 1)
    killed.report(PageStatus(success=5, success_unix=6))
    publish(killed, 2)
    killed._lock.release()
    publisher = Publisher(names)
    publisher.report(publisher.status())
    status = Page(names, Trust()).status()
    assert status.success_of(1) == 5
    assert (status.success_of(2) or 0) > 5
    publisher.close()


def test_a_page_that_something_else_took_the_place_of_is_made_anew(publisher: Publisher) -> None:
    page = path_of(publisher.names.page)
    for make in (page.touch, page.mkdir, lambda: page.symlink_to("/etc/hostname")):
        page.unlink()
        make()
        assert publisher.verify() == ["the control page"]
        assert number_of(config_of(publisher.names)) == 1


def test_a_removed_segment_is_made_anew_under_another_number(publisher: Publisher) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1
    digest = config.digest
    path_of(names.segment(1)).unlink()
    assert number_of(config) == 1
    assert publisher.verify() == ["the snapshot segment"]
    assert (config.generation, config.digest, number_of(config)) == (2, digest, 1)
    assert number_of(config_of(names)) == 1
    assert publisher.publish(reading(1)) is False
    assert publisher.verify() == []


def test_all_of_it_removed_is_made_anew(publisher: Publisher) -> None:
    config = config_of(publisher.names)
    assert number_of(config) == 1
    for path in objects_of(publisher.names):
        path.unlink()
    assert publisher.verify() == ["the control page"]
    assert number_of(config) == number_of(config_of(publisher.names)) == 1
    with pytest.raises(WriterLocked):
        Publisher(publisher.names)


def full(fd: int, name: str, size: int, reclaim: object) -> None:
    raise NoSpace(name, size, 0, 0)


def test_a_repair_that_finds_no_space_changes_nothing_and_is_tried_again(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publisher.names
    config = config_of(names)
    assert number_of(config) == 1

    path_of(names.page).unlink()
    path_of(names.segment(1)).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(segment_files, "allocate", full)
        for _ in range(2):
            with pytest.raises(NoSpace):
                publisher.verify()
            assert publisher.snapshot is not None
            assert publisher.snapshot.generation == 1
            assert number_of(config) == 1
    assert publisher.verify() == ["the control page"]
    assert number_of(config_of(names)) == number_of(config) == 1
    assert config.generation == publisher.generation
    publisher.verify()
    assert segments_of(names) == [names.segment(publisher.generation)[1:]]


def test_a_publication_that_finds_no_space_changes_nothing(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(publisher.names)

    with monkeypatch.context() as patch:
        patch.setattr(segment_files, "allocate", full)
        with pytest.raises(NoSpace):
            publisher.publish(reading(2))
    assert (number_of(config), config.generation) == (1, 1)
    publish(publisher, 2)
    assert (number_of(config), config.generation) == (2, 2)


def test_a_store_that_was_taken_away_and_comes_back_is_read_again(names: Names) -> None:
    first = Publisher(names)
    publish(first, 1)
    config = config_of(names)
    assert number_of(config) == number_of(config) == 1
    config_of(names).get()
    first.remove()
    assert objects_of(names) == []
    assert number_of(config) == 1  # who has it keeps it
    following = Publisher(names)
    publish(following, 2)
    Clock(config).ahead += 5
    assert number_of(config) == 2
    following.close()


# --- another daemon's page -----------------------------------------------------------------------


@pytest.mark.parametrize("layout", [0, 2])
def test_a_page_of_another_layout_is_retired_and_replaced(names: Names, layout: int) -> None:
    first = Publisher(names)
    publish(first, 1)
    config = config_of(names)
    assert number_of(config) == 1
    first.close()
    with path_of(names.page).open("r+b") as page:
        page.seek(LAYOUT_WORD * 8)
        page.write(layout.to_bytes(8, sys.byteorder))
    publisher = Publisher(names)
    assert number_of(config) == 1
    publish(publisher, 2)
    # One that was attached before the other layout came is sent to the new page at once.
    assert number_of(config) == 2
    assert config.generation == publisher.generation > 1
    assert number_of(config_of(names)) == 2
    publisher.close()


def test_a_page_that_was_not_finished_is_replaced(names: Names) -> None:
    first = Publisher(names)
    publish(first, 1)
    first.close()
    with path_of(names.page).open("r+b") as page:
        page.write(bytes(8))
    publisher = Publisher(names)
    assert number_of(config_of(names)) == 1  # what is whole is recovered
    publish(publisher, 2)
    assert number_of(config_of(names)) == 2
    publisher.close()


AS_NOBODY = """
import os, sys, time
from ddbcfg_client.errors import ConfigError
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_client.config import Config
from ddbcfg_client.shm.trust import Trust
from support.crashing import reading
from ddbcfg_client.format.changes import ChangeLog
from ddbcfg_client.format.about import About
from ddbcfg_client.format.builder import PackedStore
import grp, pwd
# All that is imported late: Python itself may be out of nobody's reach.
PackedStore.of(reading(1).options).image(1, About(0, 0, "local"), ChangeLog(1)).header.pack()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    publisher = Publisher(Names(sys.argv[1], "prod"))
    publisher.publish(reading(1))
    print(publisher.generation, publisher.verify())
    publisher.publish(reading(2))
    print(publisher.generation, Config(publisher.names, Trust()).generation)
    publisher.remove()
except ConfigError as error:
    print(type(error).__name__, error)
"""


def publish_as_nobody(names: Names) -> list[str]:
    path = f"{os.path.dirname(os.path.dirname(__file__))}:{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, names.namespace],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": path},
    )
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


@needs_root
def test_strangers_files_that_are_called_like_segments_are_left_alone(names: Names) -> None:
    """A neighbour may give a file any generation, and the daemon may not remove it."""
    highest = 2**64 - 1
    for generation in (5, highest, 10**30):
        path_of(names.segment(generation)).touch()
    path_of(names.segment(6)).mkdir()
    try:
        assert publish_as_nobody(names) == ["1 []", "2 2"]
        assert path_of(names.segment(5)).exists()
    finally:
        path_of(names.segment(6)).rmdir()


@needs_root
@pytest.mark.parametrize("which", ["page", "lock"])
def test_a_strangers_object_in_the_way_is_named_with_its_owner(names: Names, which: str) -> None:
    name = {"page": names.page, "lock": names.lock}[which]
    path_of(name).touch()
    (line,) = publish_as_nobody(names)
    assert line.startswith(f"ForeignObject {name} is in the way: a file of root (uid 0)")


# --- orphaned pages ------------------------------------------------------------------------------


def orphan(names: Names, config: Config) -> None:
    """Make *config*'s page one that cannot say that it is replaced, and publish number 2."""
    path_of(names.page).unlink()
    publisher = Publisher(names)
    publish(publisher, 2)
    publisher.close()


def attached(names: Names) -> Config:
    """A reader of a publisher that ended without a word."""
    publisher = Publisher(names)
    publish(publisher, 1)
    publisher._lock.release()
    return config_of(names)


# How many reads one after the other, and the seconds to the next ones.
RHYTHMS = [
    *[
        (1, pause)
        for pause in (0.0005, 0.003, 0.01, 0.05, 0.07, 0.2, 0.5, 0.9, 0.99, 1.5, 3.0, 4.5)
    ],
    *[(reads, pause) for reads in (2, 3, 5, 17, 40) for pause in (0.5, 1.0, 3.0)],
]


@pytest.mark.parametrize(("reads", "pause"), RHYTHMS)
def test_who_keeps_reading_an_orphaned_page_has_the_new_value_within_5_seconds(
    names: Names, reads: int, pause: float
) -> None:
    config = attached(names)
    clock = Clock(config)

    def read() -> int | None:
        numbers = [number_in(config.get("db")) for _ in range(reads)]
        clock.ahead += pause
        return numbers[-1]

    for _ in range(60):
        assert read() == 1
    orphan(names, config)
    began = clock.ahead
    while read() == 1:
        pass
    assert clock.ahead - began <= 2 + pause


@pytest.mark.parametrize("before", [1, 2, 20, 200])
def test_who_reads_an_orphaned_page_seldom_has_the_new_value_at_the_next_read(
    names: Names, before: int
) -> None:
    """However often it read before it paused."""
    config = attached(names)
    clock = Clock(config)
    for _ in range(before):
        assert number_in(config.get("db")) == 1
    orphan(names, config)
    clock.ahead += 5
    assert number_in(config.get("db")) == 2


def test_a_reader_of_an_orphaned_page_keeps_its_value_while_there_is_no_other(
    names: Names,
) -> None:
    config = attached(names)
    clock = Clock(config)
    assert number_of(config) == 1
    for path in objects_of(names):
        path.unlink()
    for _ in range(10):
        clock.ahead += 5
        assert number_of(config) == 1
    publisher = Publisher(names)
    clock.ahead += 5
    assert number_of(config) == 1  # the new page has nothing yet
    publish(publisher, 2)
    clock.ahead += 5
    assert number_of(config) == 2
    publisher.close()


@needs_root
def test_root_does_not_displace_a_daemon_of_another_user_that_readers_trust(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Publisher(names)
    first.publish(reading(1))
    daemon = subprocess.Popen(["sleep", "60"])
    try:
        start = process_start(daemon.pid)
        first.report(PageStatus(daemon_pid=daemon.pid, daemon_start=start))
        first._lock.release()  # as if it were another user's, which root's lock does not meet
        for path in objects_of(names):
            os.chown(path, NOBODY, -1)
        # A stranger's page keeps root from nothing ...
        with pytest.raises(UntrustedSegment):
            ddbcfg_client.connect(names.namespace, names.store)
        # ... but that of the user whom readers trust does.
        monkeypatch.setattr("ddbcfg_client.shm.trust.DEFAULT_OWNER", str(NOBODY))
        with pytest.raises(WriterLocked) as caught:
            Publisher(names)
        assert caught.value.pid == daemon.pid
    finally:
        daemon.kill()
        daemon.wait()
    second = Publisher(names)
    second.publish(reading(2))
    assert number_in(ddbcfg_client.connect(names.namespace, names.store)[OPTIONS[0]]) == 2
    second.close()
