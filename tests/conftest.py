"""Fixtures that every test can ask for."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from support import emulators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from support.fault_proxy import FaultProxy

pytest_plugins = [
    "pytester",
    "support.untraced",
    "support.botocore_data",
    "support.workers",
    "support.figures",
    "support.garbage",
    "support.shm",
    "support.daemon",
    "support.tables",
    "support.revisions",
]

# A shell that starts the suite in the background has SIGINT ignored.  Processes that tests start,
# and end with it, would inherit that, but not a handler.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything connects: no test may find the credentials or settings of whoever runs it.
AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDTEST",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
#: A folder that cannot exist.
NO_SETTINGS = "/dev/null/ddbcfg"
_MEANT_FOR_TESTS = {"DDBCFG_MODEL", "DDBCFG_PURE", "DDBCFG_RACE", "DDBCFG_TEST_CACHE"}
for _name in [name for name in os.environ if name.startswith(("AWS_", "DDBCFG_"))]:
    if _name not in _MEANT_FOR_TESTS:
        del os.environ[_name]
os.environ.update(AWS_ENVIRONMENT)
# For daemons: this host's own file of settings is not for tests.
os.environ["CONFIGURATION_DIRECTORY"] = NO_SETTINGS


@pytest.fixture(autouse=True)
def _no_settings_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """For settings that are read in this process, with variables of their own."""
    from ddbcfg_daemon.settings import combining

    monkeypatch.setattr(combining, "DEFAULT_FOLDER", Path(NO_SETTINGS))


_FORKS_AND_KILLS = {"crash", "races", "servers"}


@pytest.fixture
def unmeasured_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Child processes that coverage does not measure, and so loads nothing into."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(autouse=True)
def _no_coverage_beside_forks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Coverage has a lock in each process; a child forked beside threads can find it held.

    And if several threads start at once, CPython 3.11 lets some die for which a tracer is set.
    """
    if not _FORKS_AND_KILLS & set(request.path.parts):
        yield
        return
    request.getfixturevalue("unmeasured_children")
    tracer = threading.gettrace()
    threading.settrace(None)  # type: ignore[arg-type]
    yield
    threading.settrace(tracer)  # type: ignore[arg-type]


def pytest_report_header() -> str:
    """Say which hot path is tested, so that nobody takes one for the other."""
    from ddbcfg_client.hotpath import READER

    return f"ddbcfg reader: {READER}"


@pytest.fixture(scope="session")
def _emulators() -> Iterator[dict[str, Any]]:
    """The emulators that run, by name; each is started by the first test that wants it."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield {"stack": stack}


@pytest.fixture(params=emulators.NAMES)
def emulator_name(request: pytest.FixtureRequest) -> str:
    """The name of an emulator; the test runs once with each of them."""
    return str(request.param)


@pytest.fixture
def emulator_url(emulator_name: str, _emulators: dict[str, Any]) -> str:
    """The URL of that emulator."""
    return start_emulator(emulator_name, _emulators)


@pytest.fixture(scope="session")
def moto_url(_emulators: dict[str, Any]) -> str:
    """The URL of moto, for tests that gain nothing from a second emulator."""
    return start_emulator("moto", _emulators)


def start_emulator(name: str, running: dict[str, Any]) -> str:
    if name not in running:
        try:
            running[name] = running["stack"].enter_context(emulators.emulator(name))
        except emulators.EmulatorMissing as error:
            running[name] = error
    found = running[name]
    if isinstance(found, emulators.EmulatorMissing):
        # In CI everything has to be there; elsewhere node is not asked of anybody.
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"{name}: {found}")
        pytest.skip(f"{name}: {found}")
    return str(found)


@pytest.fixture
def table_name() -> str:
    """A name that no other test uses."""
    return f"config-{uuid4().hex[:12]}"


@pytest.fixture
def proxy(moto_url: str, _emulators: dict[str, Any]) -> FaultProxy:
    """A proxy in front of moto that fails on command; it is well, and remembers nothing yet."""
    return start_proxy(moto_url, _emulators)


@pytest.fixture
def emulator_proxy(emulator_url: str, _emulators: dict[str, Any]) -> FaultProxy:
    """The same in front of each emulator, to see what is sent."""
    return start_proxy(emulator_url, _emulators)


@pytest.fixture
def client(emulator_proxy: FaultProxy, _emulators: dict[str, Any]) -> DynamoDBClient:
    """A client of that proxy, shared by all tests: to make one takes longer than most tests."""
    from support.tables import patient_client

    key = f"client of {emulator_proxy.url}"
    if key not in _emulators:
        made = patient_client(emulator_proxy.url, 5.0)
        _emulators[key] = made
        _emulators["stack"].callback(made.close)
    found: DynamoDBClient = _emulators[key]
    return found


def start_proxy(url: str, running: dict[str, Any]) -> FaultProxy:
    from support.fault_proxy import FaultProxy

    if url not in running:
        running[url] = running["stack"].enter_context(FaultProxy(url))
    found: FaultProxy = running[url]
    found.reset()
    return found
