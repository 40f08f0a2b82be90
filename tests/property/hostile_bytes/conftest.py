"""Fixtures of the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ddbcfg_client.format.names import Names
from support.hostile_bytes import LARGE, SMALL, Victim


@pytest.fixture
def small(names: Names) -> Iterator[Victim]:
    victim = Victim(names, SMALL)
    yield victim
    victim.publisher.close()


@pytest.fixture
def large(namespace: str) -> Iterator[Victim]:
    victim = Victim(Names(namespace, "large"), LARGE)
    yield victim
    victim.publisher.close()
