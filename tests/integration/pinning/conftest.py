"""Fixtures of the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from support.disk_copies import Clocks, Host


@pytest.fixture
def host(tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    made = Host(tmp_path, names, Clocks(monkeypatch), keep=3)
    yield made
    made.stop()
