"""One thread stands between two lines of a read while another does something: any two lines.

G2 and G3 (what is read is whole, and current at the next read), G7 (ages are known).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec, module_from_spec

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import PageStatus
from ddbcfg_client.shm.clock import boottime
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.interleaving import interleaved
from support.shm import reading

MAX_AGE = 100.0


class World:
    """A store whose options all hold the number of its last publication, and a reader of it."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.number = 0
        self.publisher = Publisher(names)
        self.publish()
        self.config = Config(names, Trust(), MAX_AGE)

    def publish(self) -> None:
        self.number += 1
        self.publisher.publish(reading({name: {"n": self.number} for name in "abc"}))
        status = {"success": boottime(), "success_unix": time.time_ns()}
        self.publisher.report(PageStatus(polls=self.number, **status))
        self.publisher.verify()

    def publish_twice(self) -> None:
        self.publish()
        self.publish()

    def replace_page(self) -> None:
        path_of(self.names.page).unlink()
        self.publisher.verify()
        self.publish()

    def replace_segment(self) -> None:
        path_of(self.names.segment(self.publisher.generation)).unlink()
        self.publisher.verify()

    def restart(self) -> None:
        self.publisher.close()
        self.publisher = Publisher(self.names)
        self.publish()

    def close(self) -> None:
        self.config.close()

    def read(self) -> None:
        """What another thread reads, which takes up what is new and looks at the page's name."""
        self.config._name_check_at = 0.0
        self.config.get()


@pytest.fixture
def world(names: Names) -> Iterator[World]:
    world = World(names)
    yield world
    world.publisher.close()


def nothing_read(world: World) -> None:
    world.config.close()


def all_read(world: World) -> None:
    world.config.get()


def name_due(world: World) -> None:
    world.config.get()
    world.config._name_check_at = 0.0


def behind(world: World) -> None:
    world.config.get()
    world.publish()


MEANWHILE = [
    World.publish_twice,
    World.replace_page,
    World.restart,
    World.close,
    World.read,
]


@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda act: act.__name__)
@pytest.mark.parametrize("before", [nothing_read, name_due, behind], ids=lambda act: act.__name__)
def test_a_read(
    world: World, before: Callable[[World], None], meanwhile: Callable[[World], None]
) -> None:
    first = 0

    def prepare() -> None:
        nonlocal first
        before(world)
        first = world.number

    def act() -> set[int]:
        return {int(option["n"]) for option in world.config.get().values()}

    for numbers, where in interleaved(prepare, act, lambda: meanwhile(world)):
        (number,) = numbers
        assert first <= number <= world.number, where
        world.config._name_check_at -= 1.0
        assert act() == {world.number}, where
        assert world.config.status().reader_error is None, where


@pytest.mark.parametrize("meanwhile", [World.close, World.read, World.publish])
@pytest.mark.parametrize("before", [nothing_read, all_read, name_due])
def test_an_age_and_a_status(
    world: World, before: Callable[[World], None], meanwhile: Callable[[World], None]
) -> None:
    def prepare() -> None:
        before(world)

    acts: list[Callable[[], float | None]] = [
        lambda: world.config.age,
        lambda: world.config.status().age,
    ]
    for act in acts:
        for age, where in interleaved(prepare, act, lambda: meanwhile(world)):
            assert age is not None, where
            assert 0 <= age < MAX_AGE, where


def test_the_first_look_at_the_clock() -> None:
    """Each process looks up once what its time namespace is; threads may be at it together."""
    spec = find_spec("ddbcfg_client.shm.clock")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)

    def prepare() -> None:
        spec.loader.exec_module(module)

    def act() -> int:
        return module.boottime()

    for now, where in interleaved(prepare, act, act, within_lines=True):
        assert abs(now - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) < 20e9, where
