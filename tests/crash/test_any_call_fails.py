"""Each system call of a publisher fails once: what was published stays, and the next try goes well.

G4 (never lost), G5 (nothing is left that is in anybody's way).
"""

from __future__ import annotations

import errno
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.errors import GroupRefused
from ddbcfg_daemon.exits import MENDABLE
from ddbcfg_daemon.publishing import page as page_module
from ddbcfg_daemon.publishing.objects import Access, path_of, temporary
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import SHM, objects_of, reading, unique_namespace

CALLS = ("open", "listdir", "posix_fallocate", "pwrite", "fchmod", "chmod", "rename")


class Failing:
    """Lets call number *at* of those in CALLS, or of mmap, fail for want of descriptors."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.failed = ""

    def wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.failed = name
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return call(*arguments, **keywords)

        return wrapper

    @contextmanager
    def now(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self.wrapped(name, getattr(os, name)))
            patch.setattr(page_module, "mmap", self.wrapped("mmap", page_module.mmap))
            yield


class World:
    """A store that is published once, and a reader of it."""

    def __init__(self) -> None:
        self.names = Names(unique_namespace(), "prod")
        self.publisher = Publisher(self.names)
        self.publish(1)
        self.config = Config(self.names, Trust())
        assert self.config["a"] == {"n": 1}

    def publish(self, number: int) -> None:
        self.publisher.publish(reading({"a": {"n": number}, "b": {"n": number}}))

    def change(self) -> None:
        self.publish(2)

    def verify(self) -> None:
        self.publisher.verify()

    def start(self) -> None:
        self.publisher.close()
        self.publisher = Publisher(self.names)

    def nothing_removed(self) -> None:
        pass

    def page_removed(self) -> None:
        path_of(self.names.page).unlink()

    def segment_removed(self) -> None:
        path_of(self.names.segment(1)).unlink()

    def all_removed(self) -> None:
        for path in objects_of(self.names):
            path.unlink()

    def stopped(self) -> None:
        self.publisher.close()

    def stopped_and_page_removed(self) -> None:
        self.stopped()
        self.page_removed()

    def close(self) -> None:
        self.publisher.close()
        self.config.close()
        for path in objects_of(self.names):
            path.unlink()


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def fails_at(number: int, before: Callable[[World], None], act: Callable[[World], None]) -> str:
    """Let call *number* of *act* fail; return its name, or nothing if there are not so many."""
    world, failing = World(), Failing(number)
    before(world)
    open_before = descriptors()
    with failing.now():
        went_well = False
        with suppress(*MENDABLE):
            act(world)
            went_well = True
    if not went_well:
        assert descriptors() == open_before, failing.failed
    unfinished = path_of(temporary(world.names)[:-16]).name
    assert not [path for path in SHM.iterdir() if path.name.startswith(unfinished)], failing.failed
    assert world.config["a"]["n"] in (1, 2)
    act(world)
    world.verify()
    world.publish(2)
    fresh = Config(world.names, Trust())
    assert fresh.get() == {"a": {"n": 2}, "b": {"n": 2}}
    changes = fresh.snapshot().changes()
    assert changes.base < fresh.generation  # what changed is known: nothing was taken for damaged
    assert changes.log[-1][2] == ("a", "b")
    world.config._name_check_at -= 2.0
    assert world.config.snapshot()["a"] == {"n": 2}
    del fresh
    world.verify()
    segments = [
        path for path in objects_of(world.names) if world.names.generation_of(f"/{path.name}")
    ]
    assert len(segments) == 1
    world.close()
    return failing.failed


@pytest.mark.parametrize(
    ("before", "act"),
    [
        (World.nothing_removed, World.change),
        (World.page_removed, World.verify),
        (World.segment_removed, World.verify),
        (World.all_removed, World.verify),
        (World.stopped, World.start),
        (World.stopped_and_page_removed, World.start),
    ],
)
def test_any_call_that_fails_loses_nothing_and_leaves_nothing(
    before: Callable[[World], None], act: Callable[[World], None]
) -> None:
    failed, number = [], 1
    while name := fails_at(number, before, act):
        failed.append(name)
        number += 1
    print(f"{len(failed)} calls: {', '.join(failed)}")
    assert len(failed) > 3


def test_a_group_that_is_refused_again_and_again_leaves_no_descriptor(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise PermissionError

    Publisher(names).close()
    monkeypatch.setattr(os, "fchown", refused)
    before = descriptors()
    for _ in range(3):
        with pytest.raises(GroupRefused):
            Publisher(names, Access(group=os.getegid()))
    assert descriptors() == before


def test_a_file_with_an_absurd_generation_is_no_segment(names: Names) -> None:
    """Else the next generation would be past the largest that the page can say."""
    publisher = Publisher(names)
    publisher.publish(reading({"a": {"n": 1}}))
    publisher.report(PageStatus())
    publisher.close()
    path_of(names.segment((1 << 63) - 1)).touch()
    publisher = Publisher(names)
    publisher.publish(reading({"a": {"n": 2}}))
    config = Config(names, Trust())
    assert (config.generation, config["a"]) == (2, {"n": 2})
    publisher.close()
