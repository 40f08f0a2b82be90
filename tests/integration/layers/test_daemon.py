"""A whole daemon that merges layers of two tables: served, checked, and seen in its metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ddbcfg_client.format.layering import REMOVED
from support.daemon import SECRET, Host
from support.tables import ConfigTable
from support.waiting import wait_until


@pytest.fixture
def file(table: ConfigTable, moto_url: str, tmp_path: Path) -> Path:
    """Settings for the store app, of the layers host-web-1, eu, another table's and common."""
    path = tmp_path / "ddbcfg.toml"
    path.write_text(f"""
    hostname = "web-1"
    endpoint_url = "{moto_url}"
    interval = 86400
    metrics_file = "{tmp_path / "ddbcfg.prom"}"

    [[stores]]
    table = "{table.name}"
    store = "app"
    merge = "keys"
    layers = [
        "host-{{hostname}}",
        {{ store = "eu", table = "{table.name}", required = true }},
        "common",
    ]
    """)
    table.put("host-web-1", "db", pool=9, debug=dict(REMOVED))
    table.put("eu", "db", host=SECRET)
    table.put("common", "db", host="all", debug=True)
    return path


def failures_in(metrics: Path) -> dict[str, float]:
    return {
        line.partition('layer="')[2].partition('"')[0]: float(line.split()[-1])
        for line in metrics.read_text().splitlines()
        if line.startswith("ddbcfg_layer_failures{")
    }


def test_layers_are_merged_and_a_failing_one_is_named_in_status_and_metrics(
    host: Host, table: ConfigTable, file: Path, tmp_path: Path
) -> None:
    daemon = host.daemon("--config", str(file))
    daemon.wait_for("generation 1")
    config = host.config(store="app")
    assert config.get() == {"db": {"host": SECRET, "pool": 9}}
    table.put("common", "web", port=1)
    table.delete("eu", "db")
    done = host.client("reload", "--store", "app")
    assert done.returncode == 5
    assert "layer 'eu' is merged with its last good content" in done.stderr
    assert "required layer" in done.stderr
    assert config.get() == {"db": {"host": SECRET, "pool": 9}, "web": {"port": 1}}
    # The file is written after the poll.
    wait_until(lambda: failures_in(tmp_path / "ddbcfg.prom")["eu"] == 1)
    assert failures_in(tmp_path / "ddbcfg.prom") == {"host-web-1": 0, "eu": 1, "common": 0}
    assert daemon.stop() == 0


def test_check_reads_each_layer_and_judges_what_they_make(
    host: Host, table: ConfigTable, file: Path, tmp_path: Path
) -> None:
    done = host.daemon("--config", str(file), "--check")
    assert done.wait() == 0, done.output
    assert done.lines("# layer host-web-1: 1 option, no revision")
    assert done.lines("# read: 1 option, merged from 3 layers by keys")
    # What it prints can be read back.
    copy = tmp_path / "copy.toml"
    copy.write_text(done.output)
    assert host.daemon("--config", str(copy), "--check").wait() == 0
    # No layer by itself fails the schema, but the merged store does.
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"db": {"required": ["debug"]}}))
    done = host.daemon("--config", str(file), "--check", "--schema", str(schema))
    assert done.wait() == 1
    assert "'required' debug" in done.lines("# failed: ")[0]
    table.delete("eu", "db")
    done = host.daemon("--config", str(file), "--check")
    assert done.wait() == 1
    assert "required layer" in done.lines("# layer eu: failed: ")[0]


def test_a_wrong_line_of_layers_is_named_by_the_daemon(host: Host, file: Path) -> None:
    file.write_text(file.read_text().replace('"common"', '"eu"'))
    done = host.daemon("--config", str(file))
    assert done.wait() == 2
    assert f"{file}:11: layers: layer 'eu' is named twice" in done.output


def test_a_layer_that_names_its_default_region_is_named_twice(
    host: Host, table: ConfigTable, file: Path
) -> None:
    region = '{ store = "common", region = "eu-north-1" }, "common"'
    file.write_text(file.read_text().replace('"common"', region))
    for check in ((), ("--check",)):
        done = host.daemon("--config", str(file), *check, AWS_DEFAULT_REGION="eu-north-1")
        assert done.wait() == 2
        assert f"{file}:11: layers: layers '{table.name}/common in eu-north-1'" in done.output
        assert f"are the same: store 'common' of table '{table.name}', region eu" in done.output


def test_status_lists_the_layers_and_explain_says_where_each_key_comes_from(
    host: Host, table: ConfigTable, file: Path
) -> None:
    daemon = host.daemon("--config", str(file))
    daemon.wait_for("generation 1")
    app = ("--store", "app")
    text = host.client("status", *app).stdout
    assert "merged by keys, the first one wins:\nLAYER       STATE" in text
    assert [line.split()[:2] for line in text.splitlines()[-3:]] == [
        ["host-web-1", "fresh"],
        ["eu", "fresh"],
        ["common", "fresh"],
    ]
    status = json.loads(host.client("status", *app, "--json").stdout)
    layers = {layer["name"]: layer for layer in status["layers"]}
    assert (layers["eu"]["options"], layers["eu"]["required"]) == (1, True)
    assert layers["eu"]["age"] is not None
    done = host.client("explain", *app, "db")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["KEY", "FROM", "TYPE", "HIDES"],
        ["debug", "host-web-1", "removed", "common", "(boolean)"],
        ["host", "eu", "string", "common", "(string)"],
        ["pool", "host-web-1", "number", "-"],
    ]
    with_values = host.client("explain", *app, "db", "pool", "--values").stdout
    assert with_values.splitlines()[1].split() == ["pool", "host-web-1", "number", "9", "-"]
    one = json.loads(host.client("explain", *app, "db", "pool", "--json").stdout)
    assert one["keys"] == [{"key": "pool", "layer": "host-web-1", "type": "number", "hides": []}]
    assert host.client("explain", *app, "nope").returncode == 1
    assert host.client("explain", *app, "db", "nope").returncode == 1
    assert daemon.stop() == 0
    done = host.client("explain", *app, "db")
    assert done.returncode == 3
    assert "no daemon serves the store" in done.stderr


def test_the_mark_of_a_removal_is_exact_through_set_export_and_import(
    host: Host, table: ConfigTable, moto_url: str, tmp_path: Path
) -> None:
    where = ("--table", table.name, "--endpoint-url", moto_url)
    mark = '{"_ddbcfg_removed": true}'
    done = host.client("set", *where, "--store", "eu", "db", f"debug:={mark}", "pool:=9")
    assert done.returncode == 0, done.stderr
    done = host.client("set", *where, "--store", "eu", "web", "_ddbcfg_removed:=true")
    assert done.returncode == 0, done.stderr
    first = host.client("export", *where, "--store", "eu")
    exported = tmp_path / "eu.json"
    exported.write_text(first.stdout)
    for store in ("db", "web"):
        table.delete("eu", store)
    assert host.client("import", *where, "--store", "eu", str(exported)).returncode == 0
    assert host.client("export", *where, "--store", "eu").stdout == first.stdout
    table.put("common", "db", debug=True)
    table.put("common", "web", port=1)
    daemon = host.daemon(
        *(*where, "--config", "", "--store", "app", "--layers", "eu,common"),
        *("--merge", "keys", "--interval", "86400"),
    )
    daemon.wait_for("generation 1")
    assert host.config(store="app").get() == {"db": {"pool": 9}}
    assert daemon.stop() == 0
