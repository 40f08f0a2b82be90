"""G3: a slow thread does not take a reader back behind what another thread loaded meanwhile.

The other thread runs where the slow one is stopped, within a call that the slow one makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ddbcfg_client import page_follower
from ddbcfg_client.attachment import Attachment
from ddbcfg_client.config import Config
from ddbcfg_client.errors import SnapshotError
from ddbcfg_client.format.names import Names
from ddbcfg_client.shm.segment import Segment
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"number": 1}}))
    yield publisher
    publisher.close()


@pytest.fixture
def config(publisher: Publisher) -> Config:
    config = Config(publisher.names, Trust())
    assert config.generation == 1
    return config


def once(meanwhile: Callable[[], object], real: Callable[..., Any]) -> Callable[..., Any]:
    """Return *real*, but the first call runs *meanwhile* before it returns."""
    left = [meanwhile]

    def call(*arguments: Any, **keywords: Any) -> Any:
        result = real(*arguments, **keywords)
        if left:
            left.pop()()
        return result

    return call


def load_another(publisher: Publisher, config: Config, number: int) -> None:
    """What another thread does: it finds a new generation and loads it."""
    publisher.publish(reading({"db": {"number": number}}))
    assert config["db"]["number"] == number


def fail_from_here_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, *_: object) -> Segment:
        raise SnapshotError(name, "it cannot be opened (Too many open files)")

    monkeypatch.setattr(page_follower, "Segment", fail)


def test_a_thread_that_loads_slowly(
    publisher: Publisher, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(reading({"db": {"number": 2}}))
    slow = once(lambda: load_another(publisher, config, 3), Segment)
    monkeypatch.setattr(page_follower, "Segment", slow)
    assert config["db"]["number"] == 3
    # Even if nothing more can be loaded.
    fail_from_here_on(monkeypatch)
    publisher.publish(reading({"db": {"number": 4}}))
    assert config["db"]["number"] == 3


def test_a_thread_that_fails_slowly(
    publisher: Publisher, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(reading({"db": {"number": 2}}))
    with monkeypatch.context() as patch:

        def meanwhile() -> None:
            patch.undo()
            load_another(publisher, config, 3)

        fail_from_here_on(patch)
        patch.setattr(Attachment, "age", once(meanwhile, Attachment.age))
        assert config["db"]["number"] == 3
    fail_from_here_on(monkeypatch)
    publisher.publish(reading({"db": {"number": 4}}))
    assert config["db"]["number"] == 3
