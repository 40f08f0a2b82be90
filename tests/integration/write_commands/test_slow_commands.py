"""Commands that can take minutes show on a terminal what they are doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ddbcfg_client.commands import progress
from ddbcfg_client.dynamodb.revision import table_access
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import Client, once


@once
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("create-table",), "creating table {table}"),
        (("revision", "enable"), "making the first revision of {table}/prod"),
        (("revision", "repair"), "repairing {table}/prod"),
    ],
    ids=["create-table", "enable", "repair"],
)
def test_it_is_shown(
    run: Client, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str
) -> None:
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)
    shown: list[str] = []

    @contextmanager
    def recorded(text: Callable[[], str]) -> Iterator[None]:
        shown.append(text())
        yield

    monkeypatch.setattr(progress, "progress", recorded)
    if command[-1] == "repair":
        RevisedStore(run.table.client, run.table.name).begin({"db": packed("db", host="a")})
    run.done(*command)
    assert shown == [words.format(table=run.table.name)]
