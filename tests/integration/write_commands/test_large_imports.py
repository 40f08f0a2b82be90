"""An import of 5,000 options, on an emulator whose transactions copy no table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.client import connect_dynamodb
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.revision import table_access
from ddbcfg_client.dynamodb.table import Table
from support.children import answer, start_module
from support.revisions import RevisedStore, TimedAccess
from support.write_commands import Client

COUNT = 5000


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Client]:
    """The command line, at a store with revisions; its writers wait for nothing."""
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)
    monkeypatch.setenv("DDBCFG_STORE", "prod")
    monkeypatch.setenv("DDBCFG_TABLE", "config")
    with start_module("support.transactional.server", "0", "0", "0", "1") as server:
        url = answer(server)
        monkeypatch.setenv("DDBCFG_ENDPOINT_URL", url)
        client = connect_dynamodb(endpoint_url=url)
        table = Table(client, "config")
        ensure_table(table)
        RevisedStore(client, "config").begin()
        yield Client(table, capfd)
        client.close()
        server.communicate()


def test_an_import_of_5000_options_is_one_revision(run: Client, tmp_path: Path) -> None:
    """In parts, each a transaction, with pauses for the partition's throughput."""
    accesses: list[TimedAccess] = []

    class Noted(TimedAccess):
        def __init__(self, table: Table, store: str = "prod") -> None:
            super().__init__(table, store)
            accesses.append(self)

    with pytest.MonkeyPatch.context() as noted:
        noted.setattr(store_writer, "TableAccess", Noted)
        file = tmp_path / "config.json"
        options = {f"option {number:04}": {"n": number, "on": True} for number in range(COUNT)}
        file.write_text(json.dumps({"prod": options}))
        out = run.done("import", file)
    assert out.endswith(
        f"prod: {COUNT} options, revision 2\n{COUNT} added, 0 changed, 0 deleted, 0 unchanged\n"
    )
    # 2 write units for each option, 500 a second, and the readings that have to agree.
    assert 15 < sum(accesses[0].waited) < 30
    status = json.loads(run.done("revision", "status", "--check", "--json"))
    assert (status["revision"], status["options"], status["proved"]) == (2, COUNT, True)
    [about] = json.loads(run.done("history", "--json", "--limit", "1"))
    assert (about["changed"], len(about["options"])) == (COUNT, COUNT)
