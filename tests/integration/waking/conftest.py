"""Fixtures of the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import ddbcfg_client
from ddbcfg_client import Config
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher that has published one option."""
    publisher = Publisher(names)
    publisher.publish(reading({"db": {"n": 1}}))
    yield publisher
    publisher.close()


@pytest.fixture
def config(publisher: Publisher) -> Config:
    """A reader of what it published."""
    return ddbcfg_client.connect(publisher.names.namespace, "prod")
