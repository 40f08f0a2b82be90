"""``--check``: what it prints, what it reads, and its exit code."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from ddbcfg_daemon.settings.daemon_values import ROWS
from support.daemon import SECRET, Host, left_of
from support.fault_proxy import FaultProxy
from support.tables import ConfigTable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ddbcfg.toml"


def stores(table: ConfigTable, url: str, *names: str) -> str:
    return "".join(
        f'[[stores]]\ntable = "{table.name}"\nstore = "{name}"\nendpoint_url = "{url}"\n'
        for name in names
    )


def test_the_settings_are_printed_as_a_file_with_the_origin_of_each(
    host: Host, table: ConfigTable, moto_url: str, file: Path, tmp_path: Path
) -> None:
    table.put("prod", "db", host=SECRET)
    url = moto_url.replace("//", f"//me:{SECRET}@")
    file.write_text("interval = 30\n" + stores(table, moto_url, "prod"))
    daemon = host.daemon(
        *("--config", str(file), "--check", "--max-shrink", "20", "--endpoint-url", url),
        DDBCFG_LOG_LEVEL="warning",
        STATE_DIRECTORY=str(tmp_path),
    )
    assert daemon.wait() == 0, daemon.output
    printed = tomllib.loads(daemon.output)
    [store] = printed.pop("stores")
    assert printed == {"log_level": "warning", "log_format": "text", "http_public": False}
    assert (store["table"], store["interval"], store["max_shrink"]) == (table.name, 30, 20)
    lines = {line.partition(" =")[0]: line.partition(" # ")[2] for line in daemon.lines(" = ")}
    assert lines["log_level"] == "DDBCFG_LOG_LEVEL"
    assert lines["interval"] == f"{file}:1"
    assert lines["table"] == f"{file}:3"
    assert lines["max_shrink"] == "--max-shrink"
    assert lines["namespace"] == "DDBCFG_NAMESPACE"
    assert lines["state_dir"] == "STATE_DIRECTORY"
    assert lines["guard_polls"] == "default"
    assert {row.name for row in ROWS if row.in_file} <= {
        line.lstrip("#").partition(" =")[0] for line in daemon.output.splitlines()
    }
    assert f"published as {host.names().page}" in daemon.lines("# read from ")[0]
    assert not daemon.lines("is set by --")  # --check by --check
    assert "//***@" in daemon.lines("endpoint_url")[0]
    assert "1 option, no revision" in daemon.lines("# read: ")[0]
    assert left_of(host.namespace) == []


def test_it_can_be_read_back(host: Host, table: ConfigTable, moto_url: str, file: Path) -> None:
    table.put("prod", "db", host=SECRET)
    odd = "\U0001f600 \x7f \u00a0 '#"
    table.put(odd, "db", host=SECRET)
    common = 'mode = "0604"\ngroup = 0\nfull_interval = 1234567.5\n'
    file.write_text(common + stores(table, moto_url, odd.replace("\x7f", "\\u007f")))
    first = host.daemon("--config", str(file), "--check")
    assert first.wait() == 0
    copy = file.with_name("copy.toml")
    copy.write_text(first.output)
    second = host.daemon("--config", str(copy), "--check")
    assert second.wait() == 0
    printed = tomllib.loads(first.output)
    assert tomllib.loads(second.output) == printed
    [store] = printed["stores"]
    assert (store["mode"], store["group"], store["full_interval"]) == ("0604", 0, 1234567.5)
    assert store["store"] == odd


def test_each_store_is_read_and_one_that_cannot_be_is_the_exit_code(
    host: Host, table: ConfigTable, moto_url: str, file: Path, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"db": {"properties": {"host": {"type": "string"}}}}))
    table.put("prod", "db", host="a")
    table.put("test", "db", host=5)
    text = f'schema = "{schema}"\n' + stores(table, moto_url, "prod", "test", "typo")
    file.write_text(text)
    daemon = host.daemon("--config", str(file), "--check")
    assert daemon.wait() == 1
    results = [line for line in daemon.output.splitlines() if line.startswith(("# re", "# fa"))]
    assert [line.partition(": ")[0] for line in results if " from " not in line] == [
        "# read",
        "# failed",
        "# failed",
    ]
    assert "option 'db'['host'] violates 'type' string" in daemon.output
    assert "the schema guard would refuse store 'test'" in daemon.output
    assert "reload --accept" not in daemon.output, "there is nothing to accept"
    assert "has no options for store 'typo'; check" in daemon.output
    assert "published empty" not in daemon.output


def test_a_wrong_key_schema_has_its_own_exit_code(
    host: Host, missing_table: ConfigTable, moto_url: str, file: Path
) -> None:
    missing_table.create_with_keys("app", "name")
    file.write_text(stores(missing_table, moto_url, "prod"))
    daemon = host.daemon("--config", str(file), "--check")
    assert daemon.wait() == 78
    assert "# failed: " in daemon.output
    file.write_text("interval = 0\n")
    daemon = host.daemon("--config", str(file), "--check")
    assert daemon.wait() == 2
    assert f"{file}:1: interval: '0'" in daemon.output


def test_a_daemon_that_serves_the_store_is_not_disturbed(
    host: Host, table: ConfigTable, proxy: FaultProxy, file: Path
) -> None:
    table.put("prod", "db", host=SECRET)
    file.write_text("interval = 3600\n" + stores(table, proxy.url, "prod"))
    daemon = host.daemon("--config", str(file))
    daemon.wait_for("generation 1")
    before = host.wait_for_status(lambda status: status.polls == 1)
    assert host.daemon("--config", str(file), "--check").wait() == 0
    after = host.config().status()
    assert (after.polls, after.generation, after.daemon_pid) == (1, 1, before.daemon_pid)
    assert daemon.stop() == 0


def test_the_start_line_has_what_tells_two_daemons_apart(
    host: Host, table: ConfigTable, moto_url: str, file: Path
) -> None:
    region = table.client.meta.region_name
    file.write_text('use_revision = "off"\n' + stores(table, moto_url, "prod"))
    daemon = host.daemon("--config", str(file))
    line = daemon.wait_for(f"serving {host.namespace}/prod as {host.names().page}: ")
    for words in (
        f"table {table.name}, ",
        f"region {region}, ",
        f"endpoint {moto_url}, ",
        f"namespace {host.namespace}, ",
        "revision off, ",
        "every 60 s, ",
        "ddbcfg ",
    ):
        assert words in line
    assert daemon.stop() == 0
