"""``ddbcfg-client check --layers`` judges what a pipeline's file would make of all layers."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from support.daemon import Host
from support.tables import ConfigTable


class Pipeline:
    """A pipeline that pushes the layer eu, over the layer common of the table."""

    def __init__(self, host: Host, table: ConfigTable, url: str, folder: Path) -> None:
        self._host = host
        self._where = ("--table", table.name, "--endpoint-url", url)
        self._file, self._schema = folder / "eu.json", folder / "schema.json"
        self._schema.write_text(json.dumps({"db": {"required": ["host", "port"]}}))

    def check(self, stores: dict[str, Any], merge: str = "keys") -> CompletedProcess[str]:
        self._file.write_text(json.dumps(stores))
        layers = ("--layers", "eu,common", "--merge", merge, "--schema", str(self._schema))
        return self._host.client("check", str(self._file), *self._where, *layers)


@pytest.fixture
def pipeline(host: Host, table: ConfigTable, moto_url: str, tmp_path: Path) -> Pipeline:
    table.put("common", "db", host="all", port=1)
    return Pipeline(host, table, moto_url, tmp_path)


def test_the_merged_store_is_judged_and_not_the_layer_by_itself(pipeline: Pipeline) -> None:
    assert pipeline.check({"eu": {"db": {"port": 2}}}).returncode == 0
    done = pipeline.check({"eu": {"db": {"port": 2}}}, merge="options")
    assert done.returncode == 1
    assert "merged: option 'db' violates 'required' host" in done.stdout
    done = pipeline.check({"eu": {"db": {"host": {"_ddbcfg_removed": True}}}})
    assert done.returncode == 1
    assert "merged: option 'db' violates 'required' host" in done.stdout


def test_a_file_without_a_layer_does_not_pass(pipeline: Pipeline) -> None:
    done = pipeline.check({"us": {"db": {"port": 2}}})
    assert done.returncode == 1
    assert "has no store that is a layer; the stores in it: us" in done.stdout


def test_a_layer_that_removes_everything_is_refused(pipeline: Pipeline) -> None:
    done = pipeline.check({"eu": {"db": {"_ddbcfg_removed": True}}})
    assert done.returncode == 1
    assert "merged: has no options" in done.stdout


def test_an_unknown_way_to_merge_is_a_usage_error(pipeline: Pipeline) -> None:
    assert pipeline.check({"eu": {}}, merge="all").returncode == 2
