"""Layers in another region or behind a role: each has a connection of its own (G4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from support.credentials import ASSUMED, SharedFile, shared_keys
from support.daemon import DaemonProcess, Host
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable

ROLE = "arn:aws:iam::123456789012:role/eu-reader"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SharedFile]:
    """Where the daemon's credentials come from."""
    with shared_keys(tmp_path / "aws") as made:
        yield made


def test_a_layer_in_another_region_is_another_table_of_the_same_name(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    with closing(boto3.client("dynamodb", region_name="us-west-2", endpoint_url=moto_url)) as away:
        far = ConfigTable(away, table.name)
        far.create()
        far.put("common", "db", host="far", port=1)
        table.put("common", "db", host="near")
        file = tmp_path / "ddbcfg.toml"
        file.write_text(f"""
        endpoint_url = "{moto_url}"
        [[stores]]
        table = "{table.name}"
        store = "app"
        merge = "keys"
        layers = ["common", {{ store = "common", region = "us-west-2" }}]
        """)
        daemon = host.daemon("--config", str(file), "--interval", "86400")
        daemon.wait_for("generation 1")
        assert host.config("app").get("db") == {"host": "near", "port": 1}
        far.put("common", "db", host="far", port=2)
        assert host.client("reload", "--store", "app").returncode == 0
        assert host.config("app").get("db") == {"host": "near", "port": 2}
        text = host.client("explain", "--store", "app", "db").stdout
        name = f"{table.name}/common"
        assert f"{name} in us-west-2" in text
        assert daemon.stop() == 0


def test_a_role_that_cannot_be_assumed_keeps_back_that_layer_alone(
    host: Host,
    table: ConfigTable,
    proxy: FaultProxy,
    moto_url: str,
    source: SharedFile,
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    file = tmp_path / "ddbcfg.toml"
    file.write_text(f"""
    interval = 0.2
    state_dir = "{state}"
    endpoint_url = "{moto_url}"
    [[stores]]
    table = "{table.name}"
    store = "app"
    layers = [{{ store = "eu", endpoint_url = "{proxy.url}", role_arn = "{ROLE}" }}, "common"]
    """)
    table.put("eu", "eu", zone=1)
    table.put("common", "web", port=1)
    proxy.accept_only("assumed")

    def start() -> DaemonProcess:
        environment = {name: value for name, value in source.environment.items() if value}
        environment["AWS_ENDPOINT_URL_STS"] = source.service.url
        return host.daemon("--config", str(file), **environment)

    daemon = start()
    # The first time, nothing is known of the layer: a store without it would be another store.
    said = daemon.wait_for("not merged, because nothing is known of layer 'eu': ")
    assert "no credentials from assume-role" in said
    assert "the role's trust policy" in said
    assert not daemon.lines("generation 1")
    source.service.answers["/"] = ASSUMED
    daemon.wait_for("generation 1")
    assert host.config("app").get() == {"eu": {"zone": 1}, "web": {"port": 1}}
    assert daemon.stop() == 0
    # Later, the layer is merged with its last good content, and the other one changes.
    del source.service.answers["/"]
    table.put("common", "web", port=2)
    daemon = start()
    daemon.wait_for("generation 2")
    assert host.config("app").get() == {"eu": {"zone": 1}, "web": {"port": 2}}
    failing = host.wait_for_status(lambda status: status.failures > 0, "app")
    assert "layer 'eu' is merged with its last good content" in (failing.error or "")
    assert daemon.stop() == 0
