"""The publisher wakes whoever watches its control page, and publishes even if it cannot."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.trust import Trust
from ddbcfg_client.waking.inotify import add_watch, new_instance
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading


@pytest.fixture
def watch(publisher: Publisher) -> Iterator[int]:
    """An inotify instance that watches the page."""
    instance = new_instance()
    add_watch(instance, os.fsencode(path_of(publisher.names.page)))
    yield instance
    os.close(instance)


def events(watch: int) -> int:
    """Return the number of events since the last call; the kernel merges equal ones."""
    if not select([watch], [], [], 0)[0]:
        return 0
    return len(os.read(watch, 4096)) // 16


def test_a_new_generation_is_an_event_and_a_status_is_none(
    publisher: Publisher, watch: int
) -> None:
    publisher.report(PageStatus(polls=1))
    publisher.publish(reading({"db": {"n": 1}}))
    assert events(watch) == 0
    publisher.publish(reading({"db": {"n": 2}}))
    assert events(watch) == 1


def test_a_page_that_is_retired_is_an_event(publisher: Publisher, watch: int) -> None:
    reader = Config(publisher.names, Trust())
    assert reader.generation == 1  # it maps the page, which so outlives its replacement
    path_of(publisher.names.page).unlink()
    assert events(watch) == 1
    publisher.verify()
    assert events(watch) == 1
    publisher.publish(reading({"db": {"n": 2}}))
    assert events(watch) == 0  # that is another page


def test_what_cannot_be_announced_to_waiters_is_published(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(fd: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", refused)
    assert publisher.publish(reading({"db": {"n": 2}}))
    assert Config(publisher.names, Trust())["db"] == {"n": 2}
    path_of(publisher.names.page).unlink()
    publisher.verify()
    assert Config(publisher.names, Trust())["db"] == {"n": 2}


def test_a_page_leaves_no_descriptor_behind(names: Names) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        publisher = Publisher(names)
        publisher.publish(reading({"db": {"n": 1}}))
        Path(path_of(names.page)).unlink()
        publisher.verify()
        publisher.close()
    del publisher
    assert len(os.listdir("/proc/self/fd")) == before
