"""``ddbcfg-client`` history, diff, rollback, and get --revision."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import table_access
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import SECRET, Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)


@pytest.fixture
def revised(run: Client) -> RevisedStore:
    """The store at revision 4."""
    store = RevisedStore(run.table.client, run.table.name)
    store.begin({"db": packed("db", host="a"), "web": packed("web", n=1)})
    run.done("set", "--merge", "db", f"password={SECRET}", "--by", "ann", "--why", "rotated")
    run.done("set", "new", "a=1", "--by", "bob")
    run.done("delete", "web", "--by", "ann", "--why", "gone\x1b[2J")
    return store


# --- history -------------------------------------------------------------------------------------


def test_the_history_of_layers_names_the_layer_of_each_change(
    run: Client, revised: RevisedStore
) -> None:
    assert revised.revision().rev == 4
    RevisedStore(run.table.client, run.table.name, "eu").begin({"db": packed("db", host="e")})
    run.done("set", "--store", "eu", "db", "a=1", "--by", "eve")
    lines = run.done("history", "--layers", "eu,prod").splitlines()
    heads = [line.split("  ")[0] for line in lines if line[0] != " "]
    assert sorted(heads) == [
        "eu: revision 2", "prod: revision 2", "prod: revision 3", "prod: revision 4",
    ]  # fmt: skip
    found = json.loads(run.done("history", "--layers", "eu,prod", "--json", "db"))
    assert {(one["layer"], one["revision"]) for one in found} == {("eu", 2), ("prod", 2)}
    times = [one["at"] for one in found]
    assert times == sorted(times, reverse=True)
    assert len(run.done("history", "--layers", "eu,prod", "--limit", "1").splitlines()) == 2
    assert run("history", "--layers", "eu", "--since", "3").code == 2
    # A layer without revisions does not hide the others.
    result = run("history", "--layers", "nowhere,eu")
    assert result.out.startswith("eu: revision 2")
    assert "nowhere" in result.err


def test_history_says_who_changed_what_and_why(run: Client, revised: RevisedStore) -> None:
    lines = run.done("history").splitlines()
    assert [line.split("  ")[0] for line in lines if line[0] != " "] == [
        "revision 4", "revision 3", "revision 2",
    ]  # fmt: skip
    assert lines[0].endswith("+00:00  by ann: gone\\x1b[2J")
    assert lines[1] == "    web"
    assert lines[2].endswith("  by bob")
    assert lines[4].endswith("  by ann: rotated")
    assert SECRET not in "".join(lines)


def test_history_of_an_option_and_since(run: Client, revised: RevisedStore) -> None:
    def found(*arguments: str) -> list[int]:
        return [
            about["revision"] for about in json.loads(run.done("history", "--json", *arguments))
        ]

    assert found() == [4, 3, 2]
    assert found("db") == [2]
    assert found("nope") == []
    assert found("--since", "2") == [4, 3]
    assert found("--since", "2020-01-01") == [4, 3, 2]
    assert found("--since", "2100-01-01T00:00:00+02:00") == []
    assert found("--limit", "1") == [4]
    assert "no change on record" in run.done("history", "nope")
    for wrong in ("yesterday", "-1"):
        assert run("history", f"--since={wrong}").code == 2


def test_a_date_of_digits_only_is_no_revision(run: Client, revised: RevisedStore) -> None:
    """20200101, which ISO 8601 allows, is not above revision 4."""
    assert [len(json.loads(run.done("history", "--json", "--since", since)))
            for since in ("20200101", "20991231", "20209999", "2020")] == [3, 0, 0, 0]  # fmt: skip


def test_history_of_an_option_has_what_may_have_changed_it(
    run: Client, revised: RevisedStore
) -> None:
    """The revision of a writer that keeps none, of which only a gap is on record."""
    item = {"_store": {"S": "prod"}, "_option": {"S": "db"}, "host": {"S": "edited"}}
    run.table.client.put_item(TableName=run.table.name, Item=item)
    run.done("revision", "sync")
    said = run.done("history", "db")
    assert "revision 5" in said
    assert "what changed is not on record" in said
    assert "revision 4" not in said


@pytest.mark.parametrize("damage", [{"digest": {"N": "1"}}, {"format": {"N": "2"}}])
def test_a_damaged_change_item_does_not_hide_the_others(
    run: Client, revised: RevisedStore, damage: dict[str, Any]
) -> None:
    item = {**(revised.access().change(3) or {}), **damage}
    run.table.client.put_item(TableName=run.table.name, Item=item)
    odd = {"_store": {"S": revised.place.home}, "_option": {"S": "change/000000000000x"}}
    run.table.client.put_item(TableName=run.table.name, Item=odd)
    result = run("history", "--json")
    assert [about["revision"] for about in json.loads(result.out)] == [4, 2]
    assert (result.code, "change/000000000003 is" in result.err) == (1, True)
    assert run("history", "--since", "3").code == 0


def test_history_as_json_has_every_name(run: Client, revised: RevisedStore) -> None:
    [about] = json.loads(run.done("history", "--json", "--since", "3"))
    assert about.pop("at").endswith("+00:00")
    assert about == {
        "revision": 4,
        "epoch": revised.revision().epoch,
        "by": "ann",
        "why": "gone\x1b[2J",
        "changed": 1,
        "options": ["web"],
        "complete": True,
    }


def test_purge_takes_the_values_away(
    run: Client, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the record and from the log; the store and later changes stay."""
    no_terminal = run("history", "--purge")
    assert (no_terminal.code, "add --yes" in no_terminal.err) == (2, True)
    terminal = SimpleNamespace(isatty=lambda: True, readline=lambda: "n\n")
    monkeypatch.setattr("sys.stdin", terminal)
    said_no = run("history", "--purge")
    assert (said_no.code, said_no.out) == (1, "")
    assert "nothing was deleted" in said_no.err
    assert run("history", "--purge", "db").code == 2
    assert run("history", "--before", "2").code == 2
    out = run.done("history", "--purge", "--before", "3", "--yes")
    assert out.endswith("deleted 1 change item below revision 3\n")
    run.done("history", "--purge", "--yes")
    assert "no change on record" in run.done("history")
    home = run.table.items(revised.place.home)
    assert [item["_option"]["S"] for item in home] == ["revision"]
    assert revised.revision().log == b""
    assert run("get", "db", "--revision", "1").code == 1
    run.done("set", "db", "a=1")
    assert revised.proves()


def test_without_revisions(run: Client) -> None:
    for command in (("history",), ("history", "--purge", "--yes"), ("diff", "1"),
                    ("rollback", "--to", "1"), ("get", "db", "--revision", "1")):  # fmt: skip
        result = run(*command)
        assert (result.code, result.out) == (1, "")
        assert "'ddbcfg-client revision enable' begins them" in result.err


# --- diff ----------------------------------------------------------------------------------------


def test_diff_shows_names_and_types(run: Client, revised: RevisedStore) -> None:
    name = f"{run.table.name}/prod"
    assert run.done("diff", "1").splitlines() == [
        f"{name}: revision 1 to 4",
        "  ~ db",
        "      + password: string",
        "  + new",
        "      + a: string",
        "  - web",
        "      - n: number",
    ]
    assert run.done("diff", "3", "4").splitlines()[1:] == ["  - web", "      - n: number"]
    assert run.done("diff", "4", "3").splitlines()[1:] == ["  + web", "      + n: number"]
    assert run.done("diff", "4").splitlines()[1:] == ["  nothing changed"]
    assert run("diff", "0").code == 2
    for later in (("4", "9"), ("9",), ("9", "4")):
        result = run("diff", *later)
        assert (result.code, "revision 9 is not known: the store is at" in result.err) == (1, True)


def test_diff_shows_values_if_it_is_asked_to(run: Client, revised: RevisedStore) -> None:
    assert f'+ password: "{SECRET}"' in run.done("diff", "1", "--show-values")
    about: dict[str, Any] = json.loads(run.done("diff", "1", "--json"))
    changes = {"db": "changed", "new": "added", "web": "deleted"}
    assert about.pop("options") == {name: {"change": kind} for name, kind in changes.items()}
    assert about == {"from": 1, "to": 4}
    options = json.loads(run.done("diff", "1", "--json", "--show-values"))["options"]
    assert options["db"]["after"] == {"host": "a", "password": SECRET}
    assert options["new"] == {"change": "added", "before": None, "after": {"a": "1"}}


# --- what was ------------------------------------------------------------------------------------


def test_get_of_a_revision(run: Client, revised: RevisedStore) -> None:
    assert run.done("get", "web", "--revision", "3") == '{"n": 1}\n'
    assert run.done("get", "web", "n", "--revision=1") == "1\n"
    assert json.loads(run.done("get", "--revision=1")) == {"db": {"host": "a"}, "web": {"n": 1}}
    gone = run("get", "web", "--revision", "4")
    assert (gone.code, gone.err) == (1, "ddbcfg-client: store 'prod' has no option 'web'\n")
    later = run("get", "web", "--revision", "5")
    assert (later.code, "the store is at revision 4" in later.err) == (1, True)
    assert run("get", "web", "--revision", "3", "--max-age", "1").code == 2
    assert run("get", "web", "--region", "x").code == 2


def test_rollback_is_shown_and_is_a_change_of_its_own(run: Client, revised: RevisedStore) -> None:
    said = run.done("rollback", "--to", "1", "--dry-run")
    assert SECRET not in said
    assert "  ~ db\n      - password: string\n" in said
    assert said.endswith("dry run, nothing was written: 3 options would change\n")
    assert revised.revision().rev == 4
    said = run.done("rollback", "--to", "1", "--yes", "--by", "ann")
    assert said.endswith(": 3 options as at revision 1, revision 5\n")
    assert run.options() == {"db": {"host": "a"}, "web": {"n": 1}}
    assert (
        run.done("history", "--limit", "1").splitlines()[0].endswith("by ann: back to revision 1")
    )
    assert "nothing to change" in run.done("rollback", "--to", "1")
    assert revised.proves()


def test_rollback_of_single_options(run: Client, revised: RevisedStore) -> None:
    run.done("rollback", "--to", "3", "--option", "web", "--option", "new", "--yes")
    assert sorted(run.options()) == ["db", "new", "web"]
    assert run("rollback", "--to", "1", "--option", "nope", "--yes").code == 1
    assert run.options()["db"]["password"] == SECRET


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1), (None, 2)])
def test_rollback_asks_first(
    run: Client,
    revised: RevisedStore,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    code: int,
) -> None:
    """And without a terminal, it wants --yes."""
    terminal = SimpleNamespace(isatty=lambda: answer is not None, readline=lambda: answer)
    monkeypatch.setattr("sys.stdin", terminal)
    result = run("rollback", "--to", "1")
    assert result.code == code
    question = f"Change 3 options of {run.table.name}/prod, 1 of them deleted? [y/N]"
    assert (question in result.err) == (answer is not None)
    assert ("add --yes" in result.err) == (answer is None)
    assert revised.revision().rev == (5 if code == 0 else 4)


def test_rollback_is_refused_if_an_option_changes_meanwhile(
    run: Client, revised: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def agree_too_late() -> str:
        assert run.store().set("db", {"host": "b"})
        return "y\n"

    terminal = SimpleNamespace(isatty=lambda: True, readline=agree_too_late)
    monkeypatch.setattr("sys.stdin", terminal)
    result = run("rollback", "--to", "1")
    assert result.code == 7
    assert "'db' changed meanwhile" in result.err
    assert run.options()["db"] == {"host": "b"}
