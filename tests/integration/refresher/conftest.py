"""Fixtures of the tests in this folder."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    made = Publisher(names)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ddbcfg")
