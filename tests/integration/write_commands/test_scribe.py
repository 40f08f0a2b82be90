"""``ddbcfg-client revision watch``: the scribe."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.commands.revision import watch
from ddbcfg_client.dynamodb.revision import table_access
from ddbcfg_client.dynamodb.revision.syncing import sync
from support import fault_proxy as faults
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import SECRET, Client, Result, python

if TYPE_CHECKING:
    from support.fault_proxy import FaultProxy

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture
def store(run: Client) -> RevisedStore:
    """The store at revision 1."""
    store = RevisedStore(run.table.client, run.table.name)
    store.begin({"db": packed("db", a=1)})
    return store


def edit(store: RevisedStore, option: str, value: str) -> None:
    """Write an option as the console does."""
    item = {**store.place.key_names.key("prod", option), "password": {"S": value}}
    store.client.put_item(TableName=store.place.table, Item=item)


Acts = list[Callable[[], object]]


class Rounds:
    """Runs the scribe in this process; its pauses do the next act, and the last one ends it."""

    def __init__(self, run: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self._run = run
        self._monkeypatch = monkeypatch
        self.pauses: list[float] = []
        monkeypatch.setattr(table_access, "TableAccess", TimedAccess)

    def __call__(self, acts: Acts, *arguments: str) -> Result:
        left = iter(acts)

        def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            act = next(left, None) if len(self.pauses) > 1 else lambda: None
            if act is None:
                os.kill(os.getpid(), signal.SIGTERM)
            else:
                act()

        self._monkeypatch.setattr(watch, "_pause", pause)
        return self._run("revision", "watch", *arguments)


@pytest.fixture
def rounds(run: Client, monkeypatch: pytest.MonkeyPatch) -> Rounds:
    return Rounds(run, monkeypatch)


def nothing() -> None:
    pass


def test_each_event_is_a_line_and_sigterm_ends_it(
    run: Client, store: RevisedStore, rounds: Rounds
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    acts: Acts = [
        nothing,
        lambda: edit(store, "db", SECRET),
        nothing,
        lambda: edit(store, "web", SECRET),
    ]
    result = rounds(acts)
    name = f"{run.table.name}/prod"
    assert result.out.splitlines() == [
        f"{name}: the store is what revision 1 says, 1 option",
        f"{name}: revision 2: other writers changed db",
        f"{name}: revision 3: other writers changed web",
        "stopped by SIGTERM",
    ]
    assert (result.code, result.err) == (0, "")
    assert store.proves()
    assert all(27 <= pause <= 33.1 for pause in rounds.pauses[1:])
    assert signal.getsignal(signal.SIGTERM) is handler


def test_what_it_cannot_know_it_says(run: Client, store: RevisedStore, rounds: Rounds) -> None:
    """It has just begun, so what the store was before the edit is not known."""
    edit(store, "db", "b")
    assert "revision 2: other writers changed what, is not known" in rounds([]).out


def test_errors_are_tried_again_at_growing_intervals(
    run: Client, store: RevisedStore, rounds: Rounds, emulator_proxy: FaultProxy
) -> None:
    """With new credentials when those it had were refused; each is one line."""
    acts: Acts = [
        lambda: emulator_proxy.fail(faults.DENIED),
        nothing,
        nothing,
        nothing,
        lambda: (emulator_proxy.heal(), edit(store, "db", "b")),
    ]
    result = rounds(acts)
    assert result.out.count("\n") == 3
    assert "revision 2: other writers changed db" in result.out
    lines = result.err.splitlines()
    assert len(lines) == 4
    assert all("AccessDenied" in line and "'_ddbcfg/prod'" in line for line in lines)
    waits = [int(line.split("next attempt in ")[1].split()[0]) for line in lines]
    assert waits == [60, 120, 240, 300]


def test_several_stores_and_one_without_revisions(
    run: Client, store: RevisedStore, rounds: Rounds
) -> None:
    result = rounds([nothing] * 3, "--store", "prod,test")
    name = run.table.name
    assert result.out.splitlines()[:2] == [
        f"{name}/prod: the store is what revision 1 says, 1 option",
        f"{name}/test: the store has no revisions; waiting for 'revision enable'",
    ]
    assert result.out.count("\n") == 3
    assert run("revision", "watch", "--store", "_ddbcfg/prod").code == 2


def test_two_scribes_make_one_revision(
    run: Client, store: RevisedStore, rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does a whole round between the two readings of the first."""
    edit(store, "db", "b")
    other: list[Any] = []

    class Overtaken(TimedAccess):
        def _pass(self, seconds: float) -> None:
            super()._pass(seconds)
            if not other:
                other.append(None)
                other[0] = sync(store.access(), None, by="the other")

    monkeypatch.setattr(table_access, "TableAccess", Overtaken)
    rounds([nothing])
    assert other[0].found == "revised"
    assert store.revision().rev == 2
    assert store.proves()


def test_the_process_that_runs_it(run: Client, store: RevisedStore) -> None:
    """As systemd does: from the environment, until SIGTERM."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = python("revision", "watch", "--interval", "0.1")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        try:
            assert "the store is what revision 1 says" in process.stdout.readline()
            edit(store, "db", "b")
            assert "revision 2: other writers changed db" in process.stdout.readline()
            process.terminate()
            assert process.stdout.read() == "stopped by SIGTERM\n"
            assert process.wait() == 0
        finally:
            process.kill()
    assert store.proves()
