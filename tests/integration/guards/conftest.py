"""Fixtures of the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.guards import ShrinkGuard
from support.guarding import Rig


@pytest.fixture
def rig(names: Names) -> Iterator[Rig]:
    made = Rig(names, [ShrinkGuard()])
    yield made
    made.publisher.close()
