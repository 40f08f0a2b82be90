"""A command that waits for an import says so, once, on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import table_access
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])

Hold = Callable[[int], None]


@pytest.fixture
def revised(run: Client) -> RevisedStore:
    """A store with an option that was changed once."""
    store = RevisedStore(run.table.client, run.table.name)
    store.begin({"db": packed("db", host="a")})
    run.done("set", "db", "host=b")
    return store


@pytest.fixture
def hold(revised: RevisedStore, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Has Ann's import hold the store until a waiting writer has looked so many times."""

    def hold(looks: int) -> None:
        free = revised.revision()
        marked = replace(free, pending=Pending("token", "Ann", plan="token"))
        revised.put_revision(item_of(revised.place, marked))

        class Held(TimedAccess):
            def wait(self, seconds: float) -> None:
                super().wait(seconds)
                if len(self.waited) == looks:
                    revised.put_revision(item_of(revised.place, free))

        monkeypatch.setattr(store_writer, "TableAccess", Held)
        monkeypatch.setattr(table_access, "TableAccess", Held)

    return hold


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"prod": {"db": {"host": "c"}}}))
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "db", "host=c"),
        ("set", "db", "host=c", "--merge"),
        ("delete", "db"),
        ("import", "FILE"),
        ("export",),
        ("check",),
        ("check", "FILE"),
        ("rollback", "--to", "1", "--yes"),
    ],
    ids=" ".join,
)
def test_a_command_says_once_whom_it_waits_for(
    run: Client, revised: RevisedStore, hold: Hold, file: Path, arguments: tuple[str, ...]
) -> None:
    hold(5)
    result = run(*(file if argument == "FILE" else argument for argument in arguments))
    assert result.code == 0
    assert result.err == (
        f"ddbcfg-client: {run.table.name}/prod: an import, 'revision enable' or 'revision repair' "
        "by Ann is under way; waiting up to 5 minutes for its end; if it makes no "
        "progress, end it with 'ddbcfg-client revision repair'\n"
    )


def test_a_short_wait_is_not_mentioned(run: Client, hold: Hold) -> None:
    hold(1)
    result = run("set", "db", "host=c")
    assert (result.code, result.err) == (0, "")


def test_a_command_that_gives_up_says_first_that_it_waits(run: Client, hold: Hold) -> None:
    hold(1000)
    result = run("set", "db", "host=c")
    waits, gave_up = result.err.splitlines()
    assert result.code == 7
    assert "waiting up to 5 minutes" in waits
    assert "made no progress" in gave_up


def test_the_library_waits_without_a_word(
    run: Client, revised: RevisedStore, hold: Hold, capfd: pytest.CaptureFixture[str]
) -> None:
    hold(5)
    run.store().set("db", {"host": "c"})
    assert capfd.readouterr() == ("", "")
    assert revised.content() == {"db": packed("db", host="c")}
