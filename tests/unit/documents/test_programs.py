"""Blocks that need no server: programs over a fake, files of settings, lines of a protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client.checks.schema import Schema
from ddbcfg_client.format.request import (
    Request,
    Response,
    pack_request,
    pack_response,
    parse_request,
    parse_response,
)
from ddbcfg_client.testing import FakeConfig, Override
from ddbcfg_client.waking.change import Change
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.parsing import parse
from support.documents import Block, block


def run(found: Block, **names: Any) -> dict[str, Any]:
    """Run a block of Python with these names, and return the names that there are then."""
    exec(compile(found.text, found.name, "exec", dont_inherit=True), names)
    return names


class Ending(FakeConfig):
    """A Config whose changes end after the first one, so that a loop over them ends."""

    def changes(self, **_: Any) -> Iterator[Change]:  # type: ignore[override]
        return islice(super().changes(initial=True), 1)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> FakeConfig:
    """What ``connect`` returns."""
    made = Ending({"db": {"host": "db-cluster.com", "port": 27017}})
    monkeypatch.setattr(ddbcfg_client, "connect", lambda table, store: made)
    return made


# --- README.md and docs/reading.md ---------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [
        block("README.md", "import ddbcfg_client\n"),
        block("docs/reading.md", "import ddbcfg_client\n"),
    ],
    ids=lambda found: found.document,
)
def test_reading(found: Block, config: FakeConfig) -> None:
    assert run(found)["config"] is config
    said = [line.partition("  # ")[::2] for line in found.text.splitlines() if "  # {" in line]
    assert len(said) == 2
    for expression, result in said:
        assert eval(expression) == eval(result, {"Decimal": Decimal})


def test_waiting(config: FakeConfig) -> None:
    config.set("db", {"host": "replica"})
    change = run(block("docs/reading.md", "config.wait("), config=config)["change"]
    assert (change.added, change.complete) == (("db",), True)


def test_a_fake() -> None:
    names = run(block("README.md", "from ddbcfg_client.testing import FakeConfig"))
    assert names["config"].generation == 2


# --- other documents -----------------------------------------------------------------------------


def test_a_fake_with_layers() -> None:
    run(block("docs/layers.md", "from ddbcfg_client.testing import REMOVED"))


def test_the_types_of_fixtures() -> None:
    found = block("docs/testing.md", "def test_a_failover(ddbcfg: FakeConfig")
    function = run(found, FakeConfig=FakeConfig, Override=Override)["test_a_failover"]
    assert set(function.__annotations__) == {"ddbcfg", "ddbcfg_override", "return"}


def test_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(block("docs/command-line.md", '{"db": {"required"').text)
    assert list(Schema(file).options) == ["db", "experiment"]


def test_a_request_and_its_response() -> None:
    request, response = block("docs/requests.md", '{"version": 1, "op"').text.splitlines()
    assert parse_request(request.encode()) == Request("poll")
    assert json.loads(pack_request(Request("poll"))) == json.loads(request)
    expected = Response(generation=7, published=True)
    assert parse_response(response.encode()) == expected
    assert json.loads(pack_response(expected)) == json.loads(response)


# --- files of settings ---------------------------------------------------------------------------


def settings_of(folder: Path, text: str) -> DaemonSettings:
    file = folder / "ddbcfg.toml"
    file.write_text(text)
    return parse(("--config", str(file)), {})


def test_settings_of_several_tables(tmp_path: Path) -> None:
    found = settings_of(tmp_path, block("docs/settings.md", "interval = 30").text)
    names = [(store.table, store.store, store.interval) for store in found.stores]
    assert names == [("config", "prod", 30), ("config", "test", 30), ("features", "prod", 10)]


def test_settings_of_layers(tmp_path: Path) -> None:
    whole = block("docs/layers.md", "# /etc/ddbcfg/ddbcfg.toml").text
    [store] = settings_of(tmp_path, whole).stores
    assert [layer.name for layer in store.layers][1:] == ["eu", "prod", "common"]
    part = block("docs/layers.md", "layers = [").text
    rest = "\n".join(line for line in whole.splitlines() if not line.startswith("layers"))
    [store] = settings_of(tmp_path, f"{rest}\n{part}").stores
    assert [layer.settings.table for layer in store.layers] == ["config", "config", "shared"]


def test_a_setting_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = block("docs/settings.md", "ddbcfg-daemon: /etc/ddbcfg/ddbcfg.toml:12")
    with pytest.raises(SystemExit):
        settings_of(tmp_path, "\n" * 11 + "intervall = 1\n")
    said = capsys.readouterr().err.replace(str(tmp_path), "/etc/ddbcfg")
    assert said == found.text
