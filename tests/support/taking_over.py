"""What the tests of taking over a store share."""

from __future__ import annotations

import os

import pytest

from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import reading
from support.racing import OPTIONS, number_in
from support.shm import objects_of

NOBODY = 65534


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


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
