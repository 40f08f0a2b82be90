"""Runs of pytest, each a process of its own, on a program that uses ddbcfg."""

from __future__ import annotations

from collections.abc import Callable

import pytest

APPLICATION = """
import ddbcfg_client
from ddbcfg_client import connect

_config = None

def config(**more):
    global _config
    if _config is None:
        _config = connect("config", "prod", **more)
    return _config

def host():
    return config().db["host"]
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run pytest on test files, by name, beside the program ``application``."""
    pytester.makepyfile(application=APPLICATION)

    def run(*arguments: str, **files: str) -> pytest.RunResult:
        pytester.makepyfile(**files)
        return pytester.runpytest_subprocess("-q", "-W", "error", *arguments)

    return run
