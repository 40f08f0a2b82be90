"""What the tests of all servers need."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from ddbcfg_client.format.names import Names
from support.publishing import Publishing


@pytest.fixture
def publishing(names: Names) -> Iterator[Publishing]:
    """A store with one publication."""
    publishing = Publishing(names)
    try:
        publishing.publish()
        yield publishing
    finally:
        publishing.kill()


@pytest.fixture
def settings(names: Names) -> dict[str, str]:
    """The variables that tell an application its store."""
    return {"DDBCFG_TABLE": names.namespace, "DDBCFG_STORE": names.store}


@pytest.fixture
def need() -> Callable[[str], None]:
    """Skips the test without that module; fails in CI, on a Python for which all have wheels."""
    in_ci = os.environ.get("CI", "").lower() in ("true", "1") and sys.version_info[:2] == (3, 11)

    def need(module: str) -> None:
        if importlib.util.find_spec(module) is None:
            refuse = pytest.fail if in_ci else pytest.skip
            refuse(f"no {module} for this Python; see the extras 'servers' and 'examples'")

    return need
