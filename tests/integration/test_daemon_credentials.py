"""A daemon whose credentials fail: it serves what it has, and gets them without a restart (G4)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ddbcfg_client.shm.status import Status
from support.credentials import Container, CredentialSource, Instance, Profile, SharedFile
from support.daemon import SECRET, DaemonProcess, Host, left_of
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

Make = Callable[[type[CredentialSource]], CredentialSource]


@pytest.fixture
def make_source(tmp_path: Path) -> Iterator[Make]:
    made: list[CredentialSource] = []

    def make(kind: type[CredentialSource]) -> CredentialSource:
        made.append(kind(tmp_path))
        return made[-1]

    yield make
    for source in made:
        source.close()


class Setting:
    """A store, the state directory of a daemon, and the daemon's flags."""

    def __init__(self, host: Host, table: ConfigTable, url: str, folder: Path) -> None:
        self.host = host
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        table.put("prod", "db", host="a", password=SECRET)
        self.flags = ["--table", table.name, "--store", "prod", "--endpoint-url", url]

    def daemon(self, source: CredentialSource, *flags: str, **more: str) -> DaemonProcess:
        given = {**source.environment, **more}
        # An empty profile is one that does not exist; an empty key is none.
        environment = {name: value for name, value in given.items() if value or name in os.environ}
        return self.host.daemon(*self.flags, "--state-dir", str(self.state), *flags, **environment)

    def boot(self, source: CredentialSource) -> None:
        """Leave the host as a boot does that comes after a good poll: a copy on disk, no more."""
        source.mend("test")
        assert self.daemon(source, "--once").wait() == 0
        for path in left_of(self.host.namespace):
            path.unlink()


@pytest.fixture
def setting(host: Host, table: ConfigTable, proxy: FaultProxy, tmp_path: Path) -> Setting:
    return Setting(host, table, proxy.url, tmp_path)


def well(status: Status) -> bool:
    return status.polls > 0 and not status.error


def test_a_metadata_service_that_comes_up_late_is_asked_again_but_not_by_a_storm(
    setting: Setting, make_source: Make
) -> None:
    source = make_source(Instance)
    source.fail("down")
    daemon = setting.daemon(source, "--interval", "0.2")
    daemon.wait_for("poll 8 failed")
    # However often polls come: a token and the roles, once a second.
    looks = source.service.requests.count("/latest/api/token")
    assert 1 <= looks <= 4
    assert "NoCredentialsError" in daemon.lines("poll 8 failed")[0]
    source.mend("test")
    daemon.wait_for("generation 1: 1 option")
    setting.host.wait_for_status(well)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.output


@pytest.mark.parametrize(
    ("kind", "fault"), [(Container, "down"), (Profile, "missing"), (SharedFile, "missing")]
)
def test_a_boot_without_credentials_serves_the_copy_and_polls_on(
    setting: Setting, make_source: Make, kind: type[CredentialSource], fault: str
) -> None:
    source = make_source(kind)
    setting.boot(source)
    source.fail(fault)
    daemon = setting.daemon(source, "--interval", "0.2")
    daemon.wait_for("serving the copy on disk as generation 2")
    assert setting.host.config().get("db") == {"host": "a", "password": SECRET}
    away = setting.host.wait_for_status(lambda status: status.failures >= 2)
    assert away.source == "disk"
    assert away.error
    assert kind.faults[fault] in away.error
    source.mend("test")
    daemon.wait_for("polls succeed again")
    assert setting.host.wait_for_status(well).source == "dynamodb"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AWS_PROFILE": "nobody"}, "check AWS_PROFILE"),
        ({"AWS_DEFAULT_REGION": "", "AWS_REGION": ""}, "--region, AWS_REGION"),
    ],
)
def test_wrong_settings_end_a_start_that_has_nothing_to_serve_and_only_that(
    setting: Setting, make_source: Make, settings: dict[str, str], said: str
) -> None:
    source = make_source(SharedFile)
    source.mend("test")
    daemon = setting.daemon(source, "--interval", "0.2", **settings)
    assert daemon.wait() == 1
    assert said in daemon.output.splitlines()[-1]
    assert daemon.output.splitlines()[0].endswith(daemon.output.splitlines()[-1].partition(": ")[2])

    setting.boot(source)
    daemon = setting.daemon(source, "--interval", "0.2", **settings)
    daemon.wait_for("serving the copy on disk as generation 2")
    assert setting.host.config().get("db") == {"host": "a", "password": SECRET}
    error = setting.host.wait_for_status(lambda status: status.failures >= 2).error
    assert error
    assert said in error
    assert daemon.stop() == 0


def test_a_file_that_is_rotated_is_read_again_at_the_next_poll(
    setting: Setting, make_source: Make, table: ConfigTable, proxy: FaultProxy
) -> None:
    source = make_source(SharedFile)
    source.mend("first")
    proxy.accept_only("first")
    daemon = setting.daemon(source, "--interval", "3600")
    daemon.wait_for("generation 1")
    setting.host.wait_for_status(well)
    proxy.accept_only("second")
    daemon.send(signal.SIGHUP)
    assert "UnrecognizedClientException" in daemon.wait_for("poll 1 failed")
    source.mend("second")
    table.put("prod", "db", host="b", password=SECRET)
    daemon.wait_for("generation 2: 1 option")
    assert proxy.requests[-1].access_key == "second"
    assert "Traceback" not in daemon.output
