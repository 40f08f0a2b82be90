"""Readers in other namespaces than the daemon: what they see is right, or said to be hidden.

G7 (age and the daemon's state), G9 (nobody is believed whose owner cannot be seen).
"""

from __future__ import annotations

import os
import time
from ast import literal_eval
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.commands.status_text import status_text
from ddbcfg_client.errors import SnapshotPermissionError, UntrustedSegment
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm import clock
from ddbcfg_client.shm.clock import boottime
from ddbcfg_client.shm.status import pid_namespace, process_start
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.publisher import Publisher
from support import namespaces
from support.forking import Child
from support.namespaces import NEW_PID, NEW_TIME, NEW_USER, become, map_ids, unshare, within
from support.shm import reading
from support.waiting import in_child

NOBODY = 65534
DAY = 86400


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    namespaces.need_namespaces()


def publish(publisher: Publisher) -> None:
    publisher.publish(reading({"db": {"host": "db"}}))
    pid = os.getpid()
    status = PageStatus(success=boottime() - 2 * 10**9, daemon_pid=pid, interval=10**9)
    status.daemon_start, status.daemon_pidns = process_start(pid), pid_namespace()
    publisher.report(status)


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher that polled two seconds ago, and that everybody may read."""
    publisher = Publisher(names, Access(mode=0o644))
    publish(publisher)
    yield publisher
    publisher.close()


def look(names: Names) -> dict[str, Any]:
    """What a process sees that connects."""
    try:
        config = ddbcfg_client.connect(names.namespace, names.store, max_age=60)
        status = config.status()
        return {
            "host": config["db"]["host"],
            "age": config.age,
            "status age": status.age,
            "daemon": status.daemon,
            "pid": status.daemon_pid,
            "text": status_text(status),
        }
    except (UntrustedSegment, SnapshotPermissionError) as error:
        return {"refused": type(error).__name__, "text": str(error)}


# --- time ----------------------------------------------------------------------------------------


def with_offset(seconds: int) -> None:
    unshare(NEW_TIME)
    Path("/proc/self/timens_offsets").write_text(f"boottime {seconds} 0\n")


@pytest.mark.parametrize("offset", [DAY, 30 * 365 * DAY], ids=["a day", "thirty years"])
def test_in_a_time_namespace_ages_are_the_hosts(publisher: Publisher, offset: int) -> None:
    def here() -> tuple[dict[str, Any], int]:
        return look(publisher.names), time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    seen, clock_there = within(lambda: with_offset(offset), here)
    assert clock_there / 1e9 > offset  # it is another clock
    assert seen["host"] == "db"
    assert 2 <= seen["age"] < 20
    assert 2 <= seen["status age"] < 20


def test_a_process_that_only_its_children_leave_the_time_namespace_of(publisher: Publisher) -> None:
    """/proc/self/timens_offsets is about the children's, before this process is in it."""

    def both() -> tuple[dict[str, Any], dict[str, Any]]:
        with_offset(DAY)
        return look(publisher.names), in_child(lambda: look(publisher.names))

    here, child = in_child(both)
    assert 2 <= here["age"] < 20
    assert 2 <= child["age"] < 20


def test_a_daemon_in_a_time_namespace_writes_the_hosts_times(names: Names) -> None:
    def serve() -> None:
        publisher = Publisher(names)
        publish(publisher)
        publisher.close()

    within(lambda: with_offset(DAY), serve)
    assert 2 <= look(names)["age"] < 20


def test_after_a_chroot_a_child_has_the_offset_of_its_parent(tmp_path: Path) -> None:
    """There is no /proc to ask."""

    def there() -> tuple[int, int]:
        known = clock.boottime()
        os.chroot(tmp_path)
        return known, in_child(clock.boottime)

    before, after = within(lambda: with_offset(DAY), there)
    assert 0 <= after - before < 20 * 10**9
    assert abs(before - boottime()) < 20 * 10**9


# --- PIDs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_proc", [True, False], ids=["its own /proc", "the host's /proc"])
def test_in_another_pid_namespace_the_daemon_is_hidden_and_not_gone(
    publisher: Publisher, own_proc: bool
) -> None:
    def there() -> tuple[int, dict[str, Any]]:
        if own_proc:
            namespaces.mount_proc()
        return os.getpid(), look(publisher.names)

    pid, seen = within(lambda: unshare(NEW_PID), there)
    assert pid == 1
    assert (seen["host"], seen["daemon"], seen["pid"]) == ("db", "hidden", None)
    assert 2 <= seen["age"] < 20
    assert "cannot be seen from here" in seen["text"]
    assert str(os.getpid()) not in seen["text"].partition("daemon:")[2].partition("\n")[0]
    here = look(publisher.names)
    assert (here["daemon"], here["pid"]) == ("running", os.getpid())


def test_a_proc_of_another_pid_namespace_is_not_asked(names: Names) -> None:
    """Daemon and reader share a PID namespace, but the /proc there shows the host's."""

    def there() -> dict[str, Any]:
        publisher = Publisher(names)
        reading_end, writing_end = os.pipe()
        if os.fork() == 0:  # so that the daemon's pid is no process of the host
            publish(publisher)
            os.write(writing_end, b"!")
            os.read(reading_end, 1)  # for ever: it ends with the namespace
        os.close(writing_end)
        os.read(reading_end, 1)
        return in_child(lambda: look(names))

    seen = within(lambda: unshare(NEW_PID), there)
    assert (seen["host"], seen["daemon"], seen["pid"]) == ("db", "hidden", None)


# --- users ---------------------------------------------------------------------------------------


def of_root_unmapped() -> None:
    unshare(NEW_USER)


def of_root_as_root() -> None:
    unshare(NEW_USER)
    map_ids(0, 0)


def of_nobody_unmapped() -> None:
    become(NOBODY)
    unshare(NEW_USER)


def of_nobody_as_root() -> None:
    become(NOBODY)
    unshare(NEW_USER)
    map_ids(0, NOBODY)


def of_nobody_as_nobody() -> None:
    become(NOBODY)
    unshare(NEW_USER)
    map_ids(NOBODY, NOBODY)


STRANGERS = [of_root_unmapped, of_nobody_unmapped, of_nobody_as_root, of_nobody_as_nobody]


@pytest.mark.parametrize("enter", STRANGERS)
@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_an_owner_without_a_uid_in_the_user_namespace_is_not_believed(
    names: Names, enter: Callable[[], None], mode: int
) -> None:
    publisher = Publisher(names, Access(mode=mode))
    publish(publisher)
    seen = in_child(lambda: (enter(), look(names))[1])
    publisher.close()
    # As unmapped root it may open what it is not to believe.
    may_open = mode == 0o644 or enter is of_root_unmapped
    assert seen["refused"] == ("UntrustedSegment" if may_open else "SnapshotPermissionError")
    assert "its owner cannot be seen from this user namespace" in seen["text"]
    assert "map the daemon's user" in seen["text"]
    # Nothing that helps only where the owner has a uid.
    for wrong in ("nogroup", "nobody", "owner=", "65534"):
        assert wrong not in seen["text"]


def test_where_root_is_mapped_to_root_all_is_as_it_was(publisher: Publisher) -> None:
    seen = in_child(lambda: (of_root_as_root(), look(publisher.names))[1])
    assert (seen["host"], seen["daemon"], seen["pid"]) == ("db", "running", os.getpid())
    assert 2 <= seen["age"] < 20


def test_a_group_without_a_gid_is_not_taken_for_nogroup(names: Names) -> None:
    """Every user is mapped, but no group."""
    publisher = Publisher(names, Access(mode=0o640))
    publish(publisher)

    def stranger() -> Iterator[object]:
        become(12345)
        unshare(NEW_USER)
        yield os.getpid()
        yield look(names)

    steps = stranger()
    child = Child(lambda: next(steps))
    Path(f"/proc/{child.act()}/uid_map").write_text(f"0 0 {2**32 - 1}")
    seen = literal_eval(child.act())
    child.end()
    publisher.close()
    assert seen["refused"] == "SnapshotPermissionError"
    assert "its group cannot be seen from this user namespace" in seen["text"]
    assert "nogroup" not in seen["text"]


def test_nobody_of_the_hosts_own_namespace_is_a_user_like_any_other(names: Names) -> None:
    publisher = Publisher(names, Access(mode=0o600, owner=NOBODY, group=NOBODY))
    publish(publisher)
    seen = in_child(lambda: (become(NOBODY), look(names))[1])
    publisher.close()
    assert seen["host"] == "db"
    assert seen["daemon"] == "running"
