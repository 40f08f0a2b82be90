"""Pages of other daemons, and readers of orphaned pages (G3)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ddbcfg_client
from ddbcfg_client.config import Config
from ddbcfg_client.errors import UntrustedSegment
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import LAYOUT_WORD, PageStatus
from ddbcfg_client.shm.status import process_start
from ddbcfg_daemon.errors import WriterLocked
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.children import run_python
from support.crashing import reading
from support.racing import OPTIONS, number_in
from support.shm import objects_of
from support.taking_over import NOBODY, Clock, config_of, needs_root, number_of, publish

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
    path = f"{Path(__file__).parents[2]}:{os.environ.get('PYTHONPATH', '')}"
    done = run_python("-c", AS_NOBODY, names.namespace, settings={"PYTHONPATH": path})
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
