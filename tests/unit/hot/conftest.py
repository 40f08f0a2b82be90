"""Fixtures of the tests in this folder."""

from __future__ import annotations

from typing import Any

import pytest

try:
    from ddbcfg_client import _compiled  # type: ignore[attr-defined]
except ImportError:
    _compiled = None
from support.hot_readers import IMPLEMENTATIONS, reader_of


@pytest.fixture(params=IMPLEMENTATIONS)
def reader(request: pytest.FixtureRequest) -> Any:
    return reader_of(request.param)()
