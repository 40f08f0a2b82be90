"""One daemon and one file: stores of several tables, profiles and roles (G4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.credentials import ASSUMED, SharedFile, shared_keys, static
from support.daemon import SECRET, DaemonProcess, Host
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

ROLE = "arn:aws:iam::123456789012:role/config"

Start = Callable[..., DaemonProcess]


@pytest.fixture
def other_table(table: ConfigTable) -> ConfigTable:
    made = ConfigTable(table.client, f"{table.name}-other")
    made.create()
    return made


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SharedFile]:
    """Where the daemon's credentials come from."""
    with shared_keys(tmp_path / "aws") as made:
        yield made


@pytest.fixture
def start(host: Host, source: SharedFile, tmp_path: Path) -> Start:
    def start(text: str, *flags: str) -> DaemonProcess:
        file = tmp_path / "ddbcfg.toml"
        file.write_text(text)
        environment = {name: value for name, value in source.environment.items() if value}
        environment |= {"AWS_ENDPOINT_URL_STS": source.service.url, "DDBCFG_NAMESPACE": ""}
        return host.daemon(*flags, DDBCFG_CONFIG=str(file), **environment)

    return start


def of(table: ConfigTable, namespace: str, url: str, *more: str) -> str:
    lines = [
        "[[stores]]",
        f'table = "{table.name}"',
        'store = "prod"',
        f'namespace = "{namespace}"',
        f'endpoint_url = "{url}"',
        *more,
    ]
    return "\n".join(lines) + "\n"


def test_one_daemon_serves_several_tables(
    host: Host, table: ConfigTable, other_table: ConfigTable, moto_url: str, start: Start
) -> None:
    table.put("prod", "db", host=SECRET)
    other_table.put("prod", "flags", dark=True)
    other = Host(f"{host.namespace}-other", host._stack)
    daemon = start(
        "interval = 3600\n"
        + of(table, host.namespace, moto_url)
        + of(other_table, other.namespace, moto_url, 'mode = "0600"')
    )
    for namespace in (host.namespace, other.namespace):
        daemon.wait_for(f"{namespace}/prod: generation 1")
    assert host.config().get() == {"db": {"host": SECRET}}
    assert other.config().get() == {"flags": {"dark": True}}
    modes = [Path(f"/dev/shm{its.names().page}").stat().st_mode for its in (host, other)]
    assert [mode & 0o777 for mode in modes] == [0o640, 0o600]
    assert daemon.stop() == 0


def test_a_role_that_cannot_be_assumed_stops_that_store_alone(
    host: Host,
    table: ConfigTable,
    proxy: FaultProxy,
    moto_url: str,
    source: SharedFile,
    start: Start,
) -> None:
    table.put("prod", "db", host=SECRET)
    other = Host(f"{host.namespace}-other", host._stack)
    daemon = start(
        "interval = 0.2\n"
        + of(table, host.namespace, moto_url)
        + of(table, other.namespace, proxy.url, f'role_arn = "{ROLE}"')
    )
    daemon.wait_for(f"{host.namespace}/prod: generation 1")
    said = daemon.wait_for(f"{other.namespace}/prod: poll 1 failed")
    assert "no credentials from assume-role" in said
    assert "the role's trust policy" in said
    assert host.config().get() == {"db": {"host": SECRET}}
    # Without a restart: the role is assumed as soon as that is possible.
    proxy.accept_only("assumed")
    source.service.answers["/"] = ASSUMED
    daemon.wait_for(f"{other.namespace}/prod: generation 1")
    assert daemon.stop() == 0


def test_a_store_has_the_credentials_of_its_profile(
    table: ConfigTable, host: Host, proxy: FaultProxy, source: SharedFile, start: Start
) -> None:
    table.put("prod", "db", host=SECRET)
    source.config.write_text(static("other", "profile other"))
    proxy.accept_only("other")
    daemon = start(of(table, host.namespace, proxy.url, 'profile = "other"'), "--once")
    assert daemon.wait() == 0, daemon.output
    daemon = start(of(table, host.namespace, proxy.url, 'profile = "nobody"'), "--once")
    assert daemon.wait() == 1
    assert "nobody" in daemon.output.splitlines()[-1]


def test_a_wrong_line_ends_the_start_with_its_number(
    table: ConfigTable, host: Host, moto_url: str, start: Start, tmp_path: Path
) -> None:
    daemon = start(of(table, host.namespace, moto_url, "intervall = 5"))
    assert daemon.wait() == 2
    expected = "there is no setting 'intervall'; did you mean 'interval'?"
    assert daemon.output == f"ddbcfg-daemon: {tmp_path / 'ddbcfg.toml'}:6: {expected}"
