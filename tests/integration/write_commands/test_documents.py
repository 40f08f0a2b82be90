"""Commands that README.md and docs/ show are run on a table, one after the other as they stand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import table_access
from ddbcfg_client.errors import ChangeConflict
from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.publisher import Publisher
from ddbcfg_daemon.refresher import Refresher
from ddbcfg_daemon.sources.connection import Connection
from ddbcfg_daemon.sources.store import StoreSource
from support.documents import Block, block, words
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])

DB = {"host": "db-cluster.com", "port": 27017}
Enter = Callable[[Block], list[str]]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_writer, "TableAccess", TimedAccess)
    monkeypatch.setattr(table_access, "TableAccess", TimedAccess)


@pytest.fixture
def enter(run: Client) -> Enter:
    """Runs the commands of a block on the test's own table; returns what each of them prints."""
    own = {
        "config": run.table.name,
        "http://127.0.0.1:PORT": os.environ["DDBCFG_ENDPOINT_URL"],
    }

    def enter(found: Block) -> list[str]:
        commands = [words(part) for line in found.commands for part in line.split(" && ")]
        ours = [arguments for program, *arguments in filter(None, commands)]
        assert ours, found.name
        return [run.done(*(own.get(word, word) for word in arguments)) for arguments in ours]

    return enter


@pytest.fixture
def poll(
    run: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Publishes the store on this host as it is in the table."""
    monkeypatch.setenv("DDBCFG_NAMESPACE", namespace)
    source = StoreSource(Connection(lambda: run.table), "prod", consistent=True)
    publisher = Publisher(Names(namespace, "prod"))
    refresher = Refresher(source, publisher, 60, pid=os.getpid())

    def poll() -> None:
        assert refresher.poll() is None

    yield poll
    publisher.remove()


@pytest.fixture
def store(run: Client) -> RevisedStore:
    """The store, with revisions."""
    found = RevisedStore(run.table.client, run.table.name)
    found.begin({"db": packed("db", **DB)})
    return found


# --- README.md -----------------------------------------------------------------------------------


def test_the_first_commands(run: Client, enter: Enter, poll: Callable[[], None]) -> None:
    with run.store() as table:
        table.set("db", DB)
    poll()
    before = block("README.md", "$ .venv/bin/ddbcfg-client get db")
    option, value, status = enter(before)
    assert before.text.replace("$ .venv/bin/ddbcfg-client ", "").splitlines() == [
        "get db",
        *option.splitlines(),
        "get db host",
        *value.splitlines(),
        "status",
    ]
    assert "generation:  1, read " in status
    # The table changes before the page's last command, which reads it.
    change = block("README.md", "$ export AWS_ACCESS_KEY_ID")
    enter(change)
    poll()
    assert enter(change)[-1] == change.text.splitlines()[-1] + "\n"


# --- docs/command-line.md ------------------------------------------------------------------------


def test_writing_an_option_and_a_part_of_it(run: Client, enter: Enter) -> None:
    enter(block("docs/command-line.md", "ddbcfg-client set db host="))
    assert run.options() == {
        "db": {"host": "db2.example.com", "port": 27018, "tags": ["a", "b"], "ca": b"\x00\xff"}
    }
    enter(block("docs/command-line.md", "ddbcfg-client set --merge db host="))
    assert run.options() == {
        "db": {"host": "db3.example.com", "tags": ["a", "b"], "ca": b"\x00\xff"}
    }


# --- docs/fleet.md -------------------------------------------------------------------------------


def test_a_change_from_a_program(run: Client, store: RevisedStore) -> None:
    with run.store() as table:
        table.set("old", {"a": 1})
        names = {"store": table}
        code = block("docs/fleet.md", "rev = store.set_many(")
        exec(compile(code.text, code.name, "exec", dont_inherit=True), names)
        with pytest.raises(ChangeConflict, match="web"):
            table.set("web", {"workers": 1}, if_unchanged=names["rev"])
    assert run.options() == {"db": {"host": "db2.example.com"}, "web": {"workers": 9}}


def test_revisions(run: Client, enter: Enter, store: RevisedStore) -> None:
    epoch = store.revision().epoch
    assert len(enter(block("docs/fleet.md", "ddbcfg-client revision repair  "))) == 2
    enter(block("docs/fleet.md", "terraform apply"))
    enter(block("docs/fleet.md", "aws dynamodb update-time-to-live"))
    assert (store.revision().ttl, store.revision().keep) == ("expires", 90)
    enter(block("docs/fleet.md", "ddbcfg-client revision repair --new-epoch"))
    assert store.revision().epoch != epoch


# --- docs/layers.md and docs/migration.md --------------------------------------------------------


def test_an_option_of_one_host(run: Client, enter: Enter) -> None:
    enter(block("docs/layers.md", "ddbcfg-client set --table config"))
    assert run.options("host-web-17") == {"db": {"pool": {"max": 5}}}
    enter(block("docs/layers.md", "ddbcfg-client delete --table"))
    assert run.options("host-web-17") == {}


def test_moving_to_shared_memory(
    run: Client,
    enter: Enter,
    poll: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with run.store() as table:
        table.set("db", DB)
    enter(block("docs/migration.md", "ddbcfg-client export prod.json"))
    assert json.loads((tmp_path / "prod.json").read_text())["prod"] == {"db": DB}
    poll()
    *_, option = enter(block("docs/migration.md", "ddbcfg-client wait &&"))
    assert json.loads(option) == DB
