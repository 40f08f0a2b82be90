"""``ddbcfg-client`` set, delete and import, of a store with revisions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.caller import user_at_host
from ddbcfg_client.dynamodb.revision import importing, writing
from ddbcfg_client.dynamodb.revision.record import parse_record
from ddbcfg_client.dynamodb.revision.repairing import repair
from support.revisions import DyingAccess, Killed, RevisedStore, TimedAccess, packed
from support.write_commands import SECRET, Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)


@pytest.fixture
def revised(run: Client) -> RevisedStore:
    """The store with an option and revision 1."""
    store = RevisedStore(run.table.client, run.table.name)
    store.begin({"db": packed("db", host="a", port=1)})
    return store


def about(revised: RevisedStore, rev: int) -> tuple[str, str]:
    """Who made a revision, and why."""
    item = revised.access().change(rev)
    assert item is not None
    record = parse_record(revised.place, item)
    return record.by, record.why


def test_set_and_delete_say_which_revision_they_made(run: Client, revised: RevisedStore) -> None:
    said = run.done("set", "db", "host=b", "--why", "moved", "--by", "me")
    name = f"{run.table.name}/prod"
    assert said == f"{name}: set db, 1 key, revision 2\n  dropped: port\n"
    assert (
        run.done("set", "db", "host=b") == f"{name}: set db, 1 key (it was the same), revision 2\n"
    )
    assert run.done("delete", "db", "--why=gone") == f"{name}: deleted db, revision 3\n"
    again = run("delete", "db")
    assert (again.code, "has no option 'db'" in again.err) == (1, True)
    assert (about(revised, 2), about(revised, 3)) == (("me", "moved"), (user_at_host(), "gone"))
    assert revised.proves()


def test_who_writes_can_be_named_in_the_environment(
    run: Client, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDBCFG_BY", "the pipeline")
    run.done("set", "db", "host=b")
    run.done("set", "db", "host=c", "--by", "me")
    assert [about(revised, rev)[0] for rev in (2, 3)] == ["the pipeline", "me"]


def test_merge_is_a_revision(run: Client, revised: RevisedStore) -> None:
    said = run.done("set", "--merge", "db", "host=b", "port-", "--if-unchanged=1")
    assert said.endswith(": set db, changed 1 key, removed 1 key, revision 2\n")
    assert run.options() == {"db": {"host": "b"}}
    assert run("set", "--merge", "web", "a=1").code == 1
    late = run("set", "--merge", "db", f"host={SECRET}", "--if-unchanged", "1")
    assert (late.code, SECRET in late.err) == (7, False)
    assert revised.proves()


def test_a_merge_into_an_option_that_others_change_begins_again(
    run: Client, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one sets the port between reading and writing; neither change is lost."""

    class Overtaken(TimedAccess):
        readings = 0

        def together(self, options):  # type: ignore[no-untyped-def]
            found = super().together(options)
            Overtaken.readings += 1
            if Overtaken.readings == 1:
                with monkeypatch.context() as other:
                    other.setattr(store_writer, "TableAccess", TimedAccess)
                    assert run("set", "--merge", "db", "port:=2").code == 0
            return found

    monkeypatch.setattr(store_writer, "TableAccess", Overtaken)
    run.done("set", "--merge", "db", "host=b")
    assert run.options() == {"db": {"host": "b", "port": 2}}
    assert revised.revision().rev == 3


@pytest.mark.parametrize("command", [("set", "db", f"password={SECRET}"), ("delete", "db")])
def test_a_conflict_has_a_code_of_its_own_and_says_what_changed(
    run: Client, revised: RevisedStore, command: tuple[str, ...]
) -> None:
    run.done("set", "db", "host=b")
    result = run(*command, "--if-unchanged", "1")
    assert (result.code, result.out) == (7, "")
    assert "from revision 1, the store is at 2, and 'db' changed meanwhile" in result.err
    assert SECRET not in result.err
    assert run.options() == {"db": {"host": "b"}}
    assert run(*command, "--if-unchanged", "2").code == 0
    assert run(*command, "--if-unchanged", "zwei").code == 2
    assert revised.proves()


def test_an_import_is_one_revision_of_each_store(
    run: Client, revised: RevisedStore, tmp_path: Path
) -> None:
    """A store without revisions beside it is written as ever."""
    run.done("set", "old", "a=1")
    file = tmp_path / "config.json"
    options = {f"o{number}": {"n": number} for number in range(3)}
    file.write_text(json.dumps({"prod": options, "plain": {"db": {}}}))
    said = run.done("import", "--store=prod,plain", file, "--replace", "--yes", "--why", "deploy")
    assert f"{run.table.name}/prod: 5 options, revision 3\n" in said
    assert said.count("revision") == 1
    assert run.options() == options
    assert run.options("plain") == {"db": {}}
    assert about(revised, 3) == (user_at_host(), "deploy")
    assert len(revised.entries(3)) == 5
    said = run.done("import", "--store=prod", file, "--replace", "--yes")
    assert f"{run.table.name}/prod: nothing to write, revision 3\n" in said
    assert revised.revision().rev == 3, "an import without changes is no revision"
    file.write_text('{"prod": {"db": {}}}')
    run.done("import", file)
    assert about(revised, 4) == (user_at_host(), f"import of {file}")
    assert revised.proves()


def test_export_and_import_leave_the_items_of_the_protocol_alone(
    run: Client, revised: RevisedStore, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    run.done("export", file)
    assert list(json.loads(file.read_text())) == ["prod"]
    file.write_text('{"prod": {}}')
    run.done("import", file, "--replace", "--yes")
    assert run.options() == {}
    assert revised.revision().rev == 2
    assert revised.access().change(2) is not None


def test_an_import_from_a_revision(run: Client, revised: RevisedStore, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"prod": {"db": {}}}')
    both = run("import", file, "--if-unchanged", "1", "--store", "prod,test")
    assert (both.code, "name it with --store" in both.err) == (2, True)
    run.done("set", "db", "host=b")
    late = run("import", file, "--store", "prod", "--if-unchanged", "1")
    assert (late.code, "'db' changed meanwhile" in late.err) == (7, True)
    assert run.options() == {"db": {"host": "b"}}
    run.done("import", file, "--store", "prod", "--if-unchanged", "2")
    assert run.options() == {"db": {}}


@pytest.mark.parametrize("served", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", ["set", "import"])
def test_a_command_that_is_killed_at_any_call(
    run: Client,
    revised: RevisedStore,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
    served: bool,
) -> None:
    """Its change is whole or nothing, after a repair if it was an import; nobody cleans up."""
    monkeypatch.setattr(writing, "MOST_OPTIONS", 2)
    monkeypatch.setattr(importing, "PART_OPTIONS", 2)
    file = tmp_path / "config.json"
    changes = {"set": 1, "import": 4}[command]
    calls, dead = 0, True
    while dead:
        calls += 1
        before = run.options()
        options = {f"o{number}": {"n": calls} for number in range(changes)}
        file.write_text(json.dumps({"prod": options}))
        arguments = ("set", "o0", f"n:={calls}") if command == "set" else ("import", file)

        def dying(table, store, last=calls):  # type: ignore[no-untyped-def]
            return DyingAccess(table, store, last, served=served)

        with monkeypatch.context() as killed:
            killed.setattr(store_writer, "TableAccess", dying)
            dead = False
            try:
                run.done(*arguments)
            except Killed:
                dead = True
        revision = revised.revision()
        if revision.pending is not None:
            repair(revised.access(), by="me", take_back=bool(calls % 2))
        assert revised.proves()
        assert run.options() in (before, before | options)
    assert calls >= {"set": 3, "import": 9}[command]
    assert run.options() == before | options


def test_an_import_that_is_interrupted_says_what_to_do(
    run: Client, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C: before the plan is whole nothing is left of it, later a repair is needed."""
    monkeypatch.setattr(writing, "MOST_OPTIONS", 1)

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "config.json"
    file.write_text('{"prod": {"a": {}, "b": {}}}')
    with monkeypatch.context() as ctrl_c:
        ctrl_c.setattr(TimedAccess, "put_part", interrupted)
        assert run("import", file).code == 130
    assert revised.revision().pending is None
    with monkeypatch.context() as ctrl_c:
        ctrl_c.setattr(importing, "settled", interrupted)
        result = run("import", file)
    assert result.code == 6
    assert "2 of 2 options were written, then KeyboardInterrupt; hosts keep" in result.err
    assert "ddbcfg-client revision repair" in result.err
    assert revised.revision().pending is not None


def test_a_reason_in_another_encoding_is_written_with_marks(
    run: Client, revised: RevisedStore
) -> None:
    """As a terminal of Latin-1 sends it; names of files and users can be such, too."""
    run.done("set", "db", "host=b", "--why", "caf\udce9", "--by", "Ren\udce9")
    assert about(revised, 2) == ("Ren?", "caf?")
    run.done("set", "db", "host=c")
    assert revised.proves()


@pytest.mark.parametrize(
    "command",
    [("set", "db", "a=2"), ("set", "--merge", "db", "a=2"), ("delete", "db"), ("import",)],
)
def test_a_condition_that_the_store_cannot_check_is_a_usage_error(
    run: Client, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """Not 1, "no such option", nor 7: trying again with another revision is of no use."""
    run.done("set", "db", "a=1")
    file = tmp_path / "config.json"
    file.write_text('{"prod": {"db": {"a": "2"}}}')
    result = run(*command, *([file] if command == ("import",) else []), "--if-unchanged", "1")
    assert (result.code, result.out.splitlines()[3:]) == (2, [])
    assert "the store has no revisions, so nothing says what changed meanwhile" in result.err
    assert run.options() == {"db": {"a": "1"}}
