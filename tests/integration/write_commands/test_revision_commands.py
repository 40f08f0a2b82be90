"""``ddbcfg-client revision``: enable, disable, status, repair and sync."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import importing, table_access, writing
from ddbcfg_client.dynamodb.revision.item import Pending, item_of
from ddbcfg_client.errors import TransactionRefused
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)


@pytest.fixture
def store(run: Client) -> RevisedStore:
    """A store that has no revisions yet."""
    return RevisedStore(run.table.client, run.table.name)


def edit(store: RevisedStore, option: str, **keys: str) -> None:
    """Write an option as the console does."""
    item: dict[str, Any] = {name: {"S": value} for name, value in keys.items()}
    item |= {"_store": {"S": "prod"}, "_option": {"S": option}}
    store.client.put_item(TableName=store.place.table, Item=item)


def status(run: Client, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run.done("revision", "status", "--json", *arguments))
    return found


# --- enable, disable, status ---------------------------------------------------------------------


def test_revisions_begin_and_end_and_begin_again(run: Client, store: RevisedStore) -> None:
    run.done("set", "db", "a=1")
    name = f"{run.table.name}/prod"
    said = run.done("revision", "enable", "--by", "me", "--why", "because")
    assert said.startswith(f"{name}: making the first revision, which takes a minute\n")
    assert f"{name}: revision 1, 1 option\n" in said
    assert "'ddbcfg-client reload --full' makes its daemon look at once" in said
    assert "revision watch" in said
    first = status(run, "--check")
    assert (first["revision"], first["by"], first["proved"]) == (1, "me", True)
    run.done("set", "db", "a=2")
    said = run.done("revision", "disable")
    assert said == f"{name}: it no longer has revisions; the last one was 2\n"
    run.done("set", "db", "a=3")
    run.done("revision", "enable")
    again = status(run, "--check")
    assert again["revision"] == 3
    assert again["epoch"] != first["epoch"]


def test_settings_that_are_not_named_stay(run: Client, store: RevisedStore) -> None:
    store.begin()
    said = run.done("revision", "enable", "--fleet", "10000")
    assert said.endswith("the settings are changed; the store is at revision 1\n")
    run.done("revision", "enable", "--ttl-attribute", "expires", "--keep", "30")
    settings = ("fleet", "ttl_attribute", "keep_days")
    assert [status(run)[name] for name in settings] == [10000, "expires", 30]
    run.done("set", "db", "a=1")
    item = store.access().change(2)
    assert item is not None
    assert int(item["expires"]["N"]) > 30 * 86400
    run.done("revision", "enable", "--keep", "0", "--fleet", "0")
    assert [status(run)[name] for name in settings] == [0, "", 0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--ttl-attribute", "expires"), "--ttl-attribute and --keep go together"),
        (("--keep", "30"), "--ttl-attribute and --keep go together"),
        (
            ("--ttl-attribute", "log", "--keep", "30"),
            "is the name of another attribute of the protocol",
        ),
        (("--fleet", "-1"), "invalid number value"),
        (("--keep", "3651"), "invalid number of days value"),
        (("--store", "_ddbcfg/prod"), "must not begin with '_ddbcfg/'"),
        (("--store", "s" * 2041), "a store with revisions has 2040 at most"),
        (("--store-key", "rev"), "is the name of an attribute of the revision item"),
        (("--store", "a,b"), "several stores are named"),
    ],
)
def test_revisions_that_make_no_sense(
    run: Client, store: RevisedStore, flags: tuple[str, ...], message: str
) -> None:
    result = run("revision", "enable", *flags)
    assert (result.code, message in result.err) == (2, True), result.err


def test_status_as_text(run: Client, store: RevisedStore) -> None:
    begun = store.begin({"db": packed("db", a=1)})
    pending = Pending("t", "the job", beat=4, plan="t", parts=3)
    marked = replace(begun, pending=pending, fleet=100, ttl="expires", keep=9, region="eu-west-1")
    store.put_revision(item_of(store.place, marked))
    lines = run.done("revision", "status").splitlines()
    assert lines[0] == f"{run.table.name}/prod"
    rows = dict(line.strip().split("  ", 1) for line in lines[1:])
    rows = {label: text.strip() for label, text in rows.items()}
    assert rows["revision"].startswith("1, epoch ")
    assert rows["options"] == "1"
    assert rows["import"] == "under way by the job, plan of 3 parts, beat 4"
    assert (rows["fleet"], rows["history"]) == ("100 hosts", "9 days, by TTL attribute expires")
    assert rows["region"] == "writers in eu-west-1"


def test_status_checks_the_content(run: Client, store: RevisedStore) -> None:
    store.begin({"db": packed("db", a=1)})
    assert "what the revision says" in run.done("revision", "status", "--check")
    edit(store, "db", a="2")
    result = run("revision", "status", "--check")
    assert (result.code, "'ddbcfg-client revision sync'" in result.out) == (7, True)


@pytest.mark.parametrize("command", ["disable", "status", "repair", "sync"])
def test_without_revisions(run: Client, store: RevisedStore, command: str) -> None:
    result = run("revision", command)
    assert result.code == 1
    assert "'ddbcfg-client revision enable' begins them" in result.err


@pytest.mark.parametrize("command", ["disable", "enable", "set"])
def test_writers_in_another_region_are_sent_away(
    run: Client, store: RevisedStore, command: str
) -> None:
    begun = store.begin()
    store.put_revision(item_of(store.place, replace(begun, region="us-east-1")))
    words = ("set", "db", "a=1") if command == "set" else ("revision", command)
    result = run(*words)
    assert (result.code, result.out) == (7, "")
    assert "made in region us-east-1, and this is eu-west-1: write there" in result.err


@pytest.mark.parametrize("command", ["enable", "disable"])
def test_settings_wait_for_the_end_of_an_import(
    run: Client, store: RevisedStore, command: str
) -> None:
    """Also of an ``enable`` that was killed, for which nothing else would name the repair."""
    begun = store.begin()
    marked = replace(begun, digest=None, pending=Pending("t", "job"))
    store.put_revision(item_of(store.place, marked))
    result = run("revision", command)
    assert (result.code, "'ddbcfg-client revision repair'" in result.err) == (7, True)
    run.done("revision", "repair")
    run.done("revision", command)


# --- repair --------------------------------------------------------------------------------------


@pytest.mark.parametrize("take_back", [False, True])
def test_repair_ends_an_import(
    run: Client, store: RevisedStore, monkeypatch: pytest.MonkeyPatch, take_back: bool
) -> None:
    store.begin({"o0": packed("o0", n=0)})
    monkeypatch.setattr(writing, "MOST_OPTIONS", 1)
    monkeypatch.setattr(importing, "PART_OPTIONS", 1)
    options = {f"o{number}": {"n": 1} for number in range(3)}

    def dies(*arguments: object) -> None:
        raise TransactionRefused("t", "TransactWriteItems", "x", "", ("ValidationError",))

    with monkeypatch.context() as dying, run.store() as writer:
        dying.setattr(importing, "settled", dies)
        with pytest.raises(Exception, match="3 of 3 options were written"):
            writer.set_many(options)
    flags = ("--take-back",) if take_back else ()
    said = run.done("revision", "repair", "--by", "me", *flags)
    count = "3 options" if take_back else "0 options"
    assert said.endswith(f"repaired, {count} written, revision 2\n")
    assert run.options() == ({"o0": {"n": 0}} if take_back else options)
    assert store.proves()
    assert run.done("revision", "repair").endswith("there is nothing to repair\n")


def test_repair_of_a_restored_table_begins_a_new_epoch(run: Client, store: RevisedStore) -> None:
    begun = store.begin({"db": packed("db", a=1)})
    edit(store, "db", a="restored")
    assert run.done("revision", "repair", "--new-epoch").endswith("revision 2\n")
    assert store.revision().epoch != begun.epoch
    assert store.proves()


def test_a_damaged_revision_is_an_error_of_its_own_until_it_is_repaired(
    run: Client, store: RevisedStore
) -> None:
    item = item_of(store.place, store.begin())
    store.put_revision({**item, "rev": {"S": "p1anted-s3cret"}})
    for command in (("set", "db", "a=1"), ("revision", "status"), ("revision", "sync")):
        result = run(*command)
        assert (result.code, "'ddbcfg-client revision repair'" in result.err) == (6, True)
        assert "s3cret" not in result.err
    run.done("revision", "repair")
    run.done("set", "db", "a=1")
    store.put_revision({**item, "format": {"N": "2"}})
    newer = run("set", "db", "a=1")
    assert (newer.code, "upgrade ddbcfg" in newer.err) == (6, True)


# --- sync ----------------------------------------------------------------------------------------


def test_sync_makes_a_revision_of_what_others_wrote(run: Client, store: RevisedStore) -> None:
    store.begin({"db": packed("db", a=1)})
    name = f"{run.table.name}/prod"
    assert run.done("revision", "sync") == f"{name}: the store is what revision 1 says\n"
    edit(store, "db", a="2")
    said = run.done("revision", "sync", "--why", "terraform")
    assert said == f"{name}: revision 2 has what other writers changed\n"
    assert store.proves()
    [about] = json.loads(run.done("history", "--json"))
    assert (about["why"], about["complete"]) == ("terraform", False)
    [about] = json.loads(run.done("revision", "sync", "--json"))
    assert about == {"store": "prod", "found": "unchanged", "revision": 2}


def test_sync_waits_for_an_import_to_end(run: Client, store: RevisedStore) -> None:
    begun = store.begin()
    store.put_revision(item_of(store.place, replace(begun, pending=Pending("t", "job"))))
    edit(store, "db", a="2")
    result = run("revision", "sync")
    assert (result.code, "an import is under way" in result.out) == (7, True)
    assert store.revision().rev == 1
