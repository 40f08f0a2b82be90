"""The pytest plugin of ddbcfg: fixtures for the tests of programs that read configuration.

pytest loads this module in every run of an environment that has ddbcfg.  So it is no part of
``ddbcfg_client``, and imports nothing of ddbcfg until a test uses a fixture.
"""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ddbcfg_client.testing import FakeConfig, Override, RunningDaemon

_FILE = "DDBCFG_FILE"
_before = pytest.StashKey[str | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting of a file that programs read in tests."""
    text = "the JSON or TOML file of options that connect() reads in tests (DDBCFG_FILE)"
    parser.addini("ddbcfg_file", text, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Set ``DDBCFG_FILE`` before tests are collected, because programs connect when imported."""
    named = config.getini("ddbcfg_file")
    if not named:
        return
    file = os.path.join(config.inipath.parent if config.inipath else config.rootpath, named)
    if not os.path.isfile(file):
        raise pytest.UsageError(f"ddbcfg_file: there is no file {file}")
    config.stash[_before] = os.environ.get(_FILE)
    os.environ[_FILE] = file


def pytest_unconfigure(config: pytest.Config) -> None:
    """Restore ``DDBCFG_FILE``, for a program that runs pytest as a function."""
    if _before in config.stash:
        before = config.stash[_before]
        if before is None:
            os.environ.pop(_FILE, None)
        else:
            os.environ[_FILE] = before


@pytest.fixture
def ddbcfg() -> Iterator[FakeConfig]:
    """The options of this test; ``connect()`` returns this object while the test runs."""
    from ddbcfg_client.testing.application import options_of_a_test

    with options_of_a_test() as config:
        yield config


@pytest.fixture
def ddbcfg_override(ddbcfg: FakeConfig) -> Override:
    """Options of this test, or of a ``with`` block in it: ``ddbcfg_override(db={...})``."""
    from ddbcfg_client.testing.application import Override

    return Override(ddbcfg)


@pytest.fixture(scope="session")
def ddbcfg_daemon() -> Iterator[RunningDaemon]:
    """A daemon on an embedded DynamoDB, for all tests of this process that ask for it."""
    from ddbcfg_client.testing.daemon import RunningDaemon, why_no_daemon

    reason = why_no_daemon()
    if reason:
        pytest.skip(f"ddbcfg_daemon: {reason}")
    with RunningDaemon() as daemon:
        yield daemon
