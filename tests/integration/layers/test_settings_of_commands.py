"""``check`` and ``history`` read the layers of the daemon's settings file, wherever they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from ddbcfg_client.commands import main as cli
from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import table_access
from support.revisions import RevisedStore, TimedAccess
from support.tables import ConfigTable

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def far(table: ConfigTable, moto_url: str) -> Iterator[ConfigTable]:
    """A table of the same name in another region."""
    with closing(boto3.client("dynamodb", region_name="us-west-2", endpoint_url=moto_url)) as away:
        made = ConfigTable(away, table.name)
        made.create()
        yield made


@pytest.fixture
def file(table: ConfigTable, moto_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "ddbcfg.toml"
    path.write_text(f"""
    hostname = "web-1"
    layer_variables = ["ROLE"]
    endpoint_url = "{moto_url}"
    interval = 0.5
    [[stores]]
    table = "none"
    store = "plain"
    [[stores]]
    table = "{table.name}"
    store = "app"
    merge = "keys"
    layers = [
        "host-{{hostname}}",
        "{{ROLE}}",
        {{ store = "common", region = "us-west-2" }},
        {{ store = "common", region = "eu-west-1" }},
    ]
    """)
    return path


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: Path) -> Run:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("ROLE", "web")

    def run(command: str, *arguments: str | Path) -> tuple[int, str, str]:
        capfd.readouterr()
        try:
            code = cli.main([command, *map(str, arguments), "--config", str(file)])
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        return code, *capfd.readouterr()

    return run


def test_check_judges_a_file_over_layers_of_two_regions(
    run: Run, table: ConfigTable, far: ConfigTable, tmp_path: Path
) -> None:
    far.put("common", "db", host="far", port=1)
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"db": {"required": ["host", "port", "pool"]}}))
    pushed = tmp_path / "web.json"
    pushed.write_text(json.dumps({"web": {"db": {"pool": 2}}}))
    code, said, _ = run("check", pushed, "--schema", schema)
    assert (code, said.splitlines()[-1]) == (0, "merged: 1 option, nothing to refuse")
    pushed.write_text(json.dumps({"web": {"db": {"port": {"_ddbcfg_removed": True}}}}))
    code, said, _ = run("check", pushed, "--schema", schema)
    assert code == 1
    assert "merged: option 'db' violates 'required'" in said
    # Whose store "common" is in the file cannot be known.
    pushed.write_text(json.dumps({"common": {"db": {"pool": 2}}}))
    code, _, err = run("check", pushed)
    assert (code, "is several layers" in err) == (2, True)
    code, _, err = run("check", "--layers", "web")
    assert (code, "--config has the layers" in err) == (2, True)


def test_history_names_the_layers_of_two_regions(
    run: Run, table: ConfigTable, far: ConfigTable, monkeypatch: pytest.MonkeyPatch, moto_url: str
) -> None:
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)
    where = ["--table", table.name, "--endpoint-url", moto_url, "--by", "eve"]
    for there, store, region in ((far, "common", "us-west-2"), (table, "web", "eu-west-1")):
        RevisedStore(there.client, there.name, store).begin({})
        flags = [*where, "--store", store, "--region", region]
        assert cli.main(["set", *flags, "db", "a=1"]) == 0
    code, said, err = run("history")
    assert code == 0
    heads = [line.split("  ")[0] for line in said.splitlines() if line[0] != " "]
    assert sorted(heads) == [f"'{table.name}/common in us-west-2': revision 2", "web: revision 2"]
    assert "host-web-1" in err  # it has no revisions
    assert run("history", "--purge")[0] == 2


def test_a_file_that_cannot_be_used_is_an_error_that_says_what_to_do(run: Run, file: Path) -> None:
    good = file.read_text()
    for text, said in (
        (good.replace("[", "(", 1), "this is not a file of settings"),
        (good.replace("layers", "#"), "not a file of settings"),
        (good.replace("{ROLE}", "{NOPE}"), "has the unknown variable {NOPE}"),
        (good.replace('"us-west-2"', "5"), "'region' must be a string"),
        (good.replace('store = "common"', "table = 'x'", 1), "a layer must be a name, or a table"),
        ("[[stores]]\nstore = 'a'", "it has no store with layers"),
        (good + good.partition("interval = 0.5")[2], "several of its stores have layers"),
    ):
        file.write_text(text)
        code, _, err = run("check")
        assert (code, said in err) == (2, True), (text, err)
    file.unlink()
    assert run("check")[0] == 2
