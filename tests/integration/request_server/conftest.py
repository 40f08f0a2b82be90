"""Fixtures of the tests in this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

import ddbcfg_client
from ddbcfg_client.config import Config
from ddbcfg_client.format.names import Names
from support.asking import DB, Peer
from support.request_serving import Served, serving
from support.shm import reading


@pytest.fixture
def served(names: Names) -> Iterator[Served]:
    with serving(names) as made:
        made.poll(reading(DB))
        yield made


@pytest.fixture
def config(served: Served) -> Config:
    return ddbcfg_client.connect(served.names.namespace, served.names.store)


@pytest.fixture
def peer(served: Served) -> Iterator[Callable[..., Peer]]:
    """Makes peers of the socket for all, or of another."""
    with ExitStack() as stack:
        yield lambda name=served.names.requests: stack.enter_context(Peer(name))
