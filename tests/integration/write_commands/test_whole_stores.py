"""G11: ``import`` and ``export`` know the store as it was at one time, whoever else writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import table_access
from ddbcfg_client.dynamodb.revision.access import Item
from ddbcfg_client.dynamodb.revision.content import Content
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from ddbcfg_client.dynamodb.revision.sealing import seal
from ddbcfg_client.dynamodb.revision.writing import Change, write_change, write_of
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])

OLD = {name: packed(name, v="old") for name in ("a", "b")}
NEW = {name: packed(name, v="new") for name in ("a", "b")}
OLD_FILE = {"prod": {name: {"v": "old"} for name in OLD}}

# Meetings: what somebody else does, each once.
Acts = Iterator[Callable[[], object]]


def _do_next(acts: Acts) -> None:
    next(acts, lambda: None)()


@pytest.fixture
def revised(run: Client, monkeypatch: pytest.MonkeyPatch) -> RevisedStore:
    """A store with two options and revision 1."""
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)
    store = RevisedStore(run.table.client, run.table.name)
    store.begin(OLD)
    return store


def put(revised: RevisedStore, options: Mapping[str, bytes]) -> None:
    for name, keys in options.items():
        item = write_of(revised.access(), name, keys).item
        assert item is not None
        revised.client.put_item(TableName=revised.place.table, Item=dict(item))


def half_an_import(revised: RevisedStore) -> Callable[[], object]:
    """Begin an import, and return what finishes it."""
    marked = replace(revised.revision(), pending=Pending("token", "somebody"))
    revised.put_revision(item_of(revised.place, marked))
    put(revised, {"a": NEW["a"]})

    def finish() -> None:
        put(revised, {"b": NEW["b"]})
        seen = item_of(revised.place, marked)
        assert seal(revised.access(), seen, marked, NEW, "token", by="somebody", why="")

    return finish


def while_waiting(acts: Acts, monkeypatch: pytest.MonkeyPatch) -> None:
    class Meeting(TimedAccess):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            _do_next(acts)

    monkeypatch.setattr(table_access, "TableAccess", Meeting)


def before_writing(acts: Acts, monkeypatch: pytest.MonkeyPatch) -> None:
    class Meeting(TimedAccess):
        def together(self, options: Sequence[str]) -> tuple[Item | None, Content]:
            _do_next(acts)
            return super().together(options)

    monkeypatch.setattr(store_writer, "TableAccess", Meeting)


def set_b(revised: RevisedStore) -> object:
    return write_change(revised.access(), Change({"b": NEW["b"]}, "somebody"))


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(OLD_FILE))
    return file


def test_an_import_is_of_the_whole_file_after_one_that_was_under_way(
    run: Client, revised: RevisedStore, old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option that the other import had not written yet was the file's, and is not left out."""
    while_waiting(iter([half_an_import(revised)]), monkeypatch)
    said = run.done("import", old_file)
    assert said.endswith("0 added, 2 changed, 0 deleted, 0 unchanged\n")
    assert (revised.content(), revised.revision().rev) == (OLD, 3)
    assert revised.proves()


def test_an_export_waits_for_an_import(
    run: Client, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_waiting(iter([half_an_import(revised)]), monkeypatch)
    assert json.loads(run.done("export")) == {"prod": {name: {"v": "new"} for name in NEW}}


def test_an_import_writes_what_another_writer_changed_after_it_was_read(
    run: Client, revised: RevisedStore, old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(revised, {"a": NEW["a"]})  # a writer that keeps no revision: found twice
    before_writing(iter([lambda: set_b(revised)]), monkeypatch)
    result = run("import", old_file)
    assert (result.code, "has changed since it was read" in result.err) == (0, True)
    assert result.out.endswith("0 added, 2 changed, 0 deleted, 0 unchanged\n")
    assert revised.content() == OLD


def test_an_option_that_is_new_since_is_deleted_by_a_replacing_import(
    run: Client, revised: RevisedStore, old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Change({"new": packed("new", v="1")}, "somebody")
    before_writing(iter([lambda: write_change(revised.access(), new)]), monkeypatch)
    assert run("import", old_file, "--replace", "--yes").code == 0
    assert revised.content() == OLD


def test_an_import_gives_up_if_others_are_always_faster(
    run: Client, revised: RevisedStore, old_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = (packed("b", v=f"{number}") for number in range(99))
    changes = (Change({"b": value}, "somebody") for value in values)
    acts = iter([lambda: write_change(revised.access(), next(changes))] * 99)
    before_writing(acts, monkeypatch)
    result = run("import", old_file)
    assert (result.code, "'b' changed meanwhile" in result.err) == (7, True)


def test_a_store_whose_revision_item_is_damaged_can_be_exported(
    run: Client, revised: RevisedStore
) -> None:
    revised.put_revision(revised.place.key_names.key(revised.place.home, "revision"))
    assert json.loads(run.done("export")) == OLD_FILE
