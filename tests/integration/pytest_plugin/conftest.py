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
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest on test files, by name, beside the program ``application``.

    Unless ``alone`` is False, no other plugin is loaded, because some take a second.
    """
    pytester.makepyfile(application=APPLICATION)

    def run(*arguments: str, alone: bool = True, **files: str) -> pytest.RunResult:
        pytester.makepyfile(**files)
        if alone:
            monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            arguments = ("-p", "ddbcfg", *arguments)
        return pytester.runpytest_subprocess("-q", "-W", "error", *arguments)

    return run
