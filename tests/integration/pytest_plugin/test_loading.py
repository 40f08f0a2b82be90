"""The plugin costs nothing until a test uses a fixture, and can be turned off."""

from __future__ import annotations

import os

import pytest

from .conftest import Run

REPORT = """
import os, sys

def pytest_unconfigure(config):
    print("loaded:", sorted(name for name in sys.modules if "ddbcfg" in name))
    print("file:", os.environ.get("DDBCFG_FILE"))
"""


def test_nothing_of_ddbcfg_is_imported_until_a_fixture_is_used(
    run: Run, pytester: pytest.Pytester
) -> None:
    """Not even with a file: coverage would miss what is imported before it starts."""
    pytester.makefile(".json", settings="{}")
    pytester.makeini("[pytest]\nddbcfg_file = settings.json\n")
    done = run(alone=False, conftest=REPORT, test_it="def test_it(): pass")
    done.stdout.fnmatch_lines(["loaded: ['pytest_ddbcfg']", "file: *settings.json"])


def test_it_can_be_turned_off(run: Run) -> None:
    done = run("-p", "no:ddbcfg", alone=False, conftest=REPORT, test_it="def test_it(ddbcfg): pass")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*fixture 'ddbcfg' not found*", "loaded: []"])


def test_running_pytest_as_a_function_leaves_the_environment_as_it_was(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makefile(".json", settings="{}")
    pytester.makeini("[pytest]\nddbcfg_file = settings.json\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for before in (None, "mine.toml"):
        if before is not None:
            monkeypatch.setenv("DDBCFG_FILE", before)
        pytester.makepyfile(
            "import os\ndef test_it(): assert os.environ['DDBCFG_FILE'].endswith('settings.json')"
        )
        pytester.runpytest_inprocess("-p", "ddbcfg").assert_outcomes(passed=1)
        assert os.environ.get("DDBCFG_FILE") == before
