"""Waiting as another user, in a container, after a fork, and without what it needs."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_client import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.waking.inotify import new_instance
from ddbcfg_daemon.publishing.objects import Access
from ddbcfg_daemon.publishing.publisher import Publisher
from support.awaiting import PATIENCE, Waiting, no_tick, pausing
from support.namespaces import NEW_MOUNT, become, need_namespaces, unshare
from support.shm import reading
from support.waiting_children import WaitingChild

__all__ = ["pausing"]

STRANGER = 64321  # nobody else runs as this user, whose inotify instances a test takes
_READ_ONLY = 1 << 0 | 1 << 5 | 1 << 12  # MS_RDONLY | MS_REMOUNT | MS_BIND
_PRIVATE = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher whose snapshots everybody may read."""
    publisher = Publisher(names, Access(mode=0o644))
    publisher.publish(reading({"db": {"n": 1}}))
    yield publisher
    publisher.close()


def waiting_as(prepare: Callable[[], Any], names: Names) -> WaitingChild:
    def act() -> tuple[bool, dict[str, Any], str | None]:
        prepare()
        config = Config(names, Trust())
        assert config["db"] == {"n": 1}
        return config.wait(), config["db"].copy(), config.status().wait_error

    return WaitingChild(act)


def mount_read_only() -> None:
    unshare(NEW_MOUNT)
    libc = ctypes.CDLL(None, use_errno=True)
    for source, target, flags in (
        (b"none", b"/", _PRIVATE),
        (b"/dev/shm", b"/dev/shm", 1 << 12),
        (b"none", b"/dev/shm", _READ_ONLY),
    ):
        if libc.mount(source, target, None, flags, None):
            raise OSError(ctypes.get_errno(), "mount")
    with pytest.raises(OSError, match="Read-only"):
        os.open("/dev/shm/new", os.O_CREAT | os.O_RDWR)


@needs_root
def test_another_user_is_woken_through_a_read_only_mount(
    names: Names, publisher: Publisher
) -> None:
    def contained() -> None:
        mount_read_only()
        become(STRANGER)

    need_namespaces()
    with no_tick():
        child = waiting_as(contained, names)
        child.pauses()
        publisher.publish(reading({"db": {"n": 2}}))
        assert child.result() == (True, {"n": 2}, None)


def test_parent_and_child_take_no_event_from_each_other(
    names: Names, publisher: Publisher, pausing: threading.Semaphore
) -> None:
    def until(generation: int) -> bool:
        while config.generation < generation:
            assert config.wait()
        return True

    config = Config(names, Trust())
    assert config.wait(0) is True
    assert config.wait(0.01) is False  # it has its inotify instance
    with no_tick():
        child = WaitingChild(lambda: until(3))  # waits with its parent's object
        for generation in (2, 3):
            waiting = Waiting(config.wait)
            assert pausing.acquire(timeout=PATIENCE)
            child.pauses()
            publisher.publish(reading({"db": {"n": generation}}))
            assert waiting.result() is True
        assert child.result() is True


@needs_root
def test_without_an_inotify_instance_it_looks_often_and_the_status_says_so(
    names: Names, publisher: Publisher
) -> None:
    def take_them_all() -> None:
        become(STRANGER)
        limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
        taken.extend(new_instance() for _ in range(limit))
        with pytest.raises(OSError, match="open files"):
            new_instance()

    taken: list[int] = []
    with no_tick():
        child = waiting_as(take_them_all, names)
        child.pauses()
        publisher.publish(reading({"db": {"n": 2}}))
        woken, option, why = child.result()
    assert (woken, option) == (True, {"n": 2})
    assert "max_user_instances" in str(why)
    assert "every 0.25 s" in str(why)


def test_instances_that_become_free_are_used(
    names: Names, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def act() -> tuple[bool, bool]:
        config = Config(names, Trust())
        assert config["db"] == {"n": 1}
        with monkeypatch.context() as patch:
            patch.setattr("ddbcfg_client.waking.instance.new_instance", refused)
            assert config.wait(0.01) is False
        before = config.status().wait_error is None
        assert config.wait(0.01) is False
        return before, config.status().wait_error is None

    assert WaitingChild(act).result() == (False, True)


def test_without_a_descriptor_it_waits_on(names: Names, publisher: Publisher) -> None:
    def act() -> tuple[bool, bool]:
        config = Config(names, Trust())
        assert config["db"] == {"n": 1}
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        nothing = config.wait(0.6)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        return nothing, config.wait()

    child = WaitingChild(act)
    child.pauses()
    publisher.publish(reading({"db": {"n": 2}}))
    assert child.result() == (False, True)


def test_a_program_that_closed_all_descriptors_waits_and_loses_none_of_its_own(
    names: Names, publisher: Publisher
) -> None:
    def act() -> tuple[bool, bytes]:
        config = Config(names, Trust())
        assert config["db"] == {"n": 1}
        assert config.wait(0.01) is False
        instance = config._instance.fd  # type: ignore[attr-defined]
        os.close(instance)
        mine, writing = os.pipe()
        os.dup2(mine, instance)
        os.write(writing, b"mine")
        assert config.wait(0.01) is False
        woken = config.wait()
        config.close()
        return woken, os.read(instance, 10)

    child = WaitingChild(act)
    for _ in range(3):
        child.pauses()
    publisher.publish(reading({"db": {"n": 2}}))
    assert child.result() == (True, b"mine")
