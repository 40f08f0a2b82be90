"""The libraries that ddbcfg fits into: they can be missing, but not in CI."""

from __future__ import annotations

import os
from importlib import import_module

import pytest


def needs(library: str) -> None:
    """Skip the test module if ``library`` cannot be imported; fail if CI is set."""
    try:
        import_module(library)
    except ImportError as error:
        if os.environ.get("CI", "").lower() in ("true", "1"):
            raise
        pytest.skip(f"{library} is not installed: {error}", allow_module_level=True)
