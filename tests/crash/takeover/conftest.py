"""Fixtures of the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from support.crashing import Holder
from support.taking_over import publish


@pytest.fixture
def holder(names: Names) -> Iterator[Holder]:
    """Another process that serves the store."""
    holder = Holder(names.namespace)
    yield holder
    holder.close()


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher that has published number 1."""
    publisher = Publisher(names)
    publish(publisher, 1)
    yield publisher
    publisher.close()
