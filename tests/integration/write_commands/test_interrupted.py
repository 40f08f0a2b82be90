"""Ctrl-C and SIGTERM leave nothing behind that other writers would wait for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import pytest

from ddbcfg_client.dynamodb import store_writer
from ddbcfg_client.dynamodb.revision import table_access, writing
from ddbcfg_client.dynamodb.revision.access import Write
from ddbcfg_client.dynamodb.revision.place import REVISION_OPTION
from ddbcfg_client.errors import TableUnreachable
from support.revisions import RevisedStore, TimedAccess, packed
from support.write_commands import Client

# dynalite has no transactions.
pytestmark = pytest.mark.parametrize("emulator_name", ["moto"])


@pytest.fixture
def store(run: Client) -> RevisedStore:
    """A store that has no revisions yet."""
    return RevisedStore(run.table.client, run.table.name)


def interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(params=[(interrupt, 130), (terminate, 143)], ids=["Ctrl-C", "SIGTERM"])
def ending(request: pytest.FixtureRequest) -> tuple[Callable[[], None], int]:
    """What ends a command, and its exit code."""
    found: tuple[Callable[[], None], int] = request.param
    return found


def test_enable(
    run: Client,
    store: RevisedStore,
    monkeypatch: pytest.MonkeyPatch,
    ending: tuple[Callable[[], None], int],
) -> None:
    """The store has no revisions, and is written as before, at once."""
    end, code = ending

    class Ended(TimedAccess):
        def wait(self, seconds: float) -> None:
            end()

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(table_access, "TableAccess", Ended)
    assert run("revision", "enable").code == code
    assert store.access().revision(consistent=True) is None
    assert signal.getsignal(signal.SIGTERM) is handler


def test_enable_that_cannot_be_undone(
    run: Client, store: RevisedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As without permission to delete the item: says what ends it."""

    class Ended(TimedAccess):
        def wait(self, seconds: float) -> None:
            raise KeyboardInterrupt

        def commit(self, writes: Sequence[Write], token: str) -> None:
            if writes[0].item is None:
                raise TableUnreachable("t", "TransactWriteItems", "x", "")
            super().commit(writes, token)

    monkeypatch.setattr(table_access, "TableAccess", Ended)
    result = run("revision", "enable")
    assert (result.code, "'ddbcfg-client revision repair' has ended it" in result.err) == (7, True)


def test_an_import_whose_mark_has_just_arrived(
    run: Client,
    store: RevisedStore,
    monkeypatch: pytest.MonkeyPatch,
    ending: tuple[Callable[[], None], int],
) -> None:
    end, code = ending
    begun = store.begin({"db": packed("db", a=1)})

    class Ended(TimedAccess):
        def commit(self, writes: Sequence[Write], token: str) -> None:
            super().commit(writes, token)
            item = writes[-1].item
            if writes[-1].option == REVISION_OPTION and item is not None and "pending" in item:
                end()

    monkeypatch.setattr(store_writer, "TableAccess", Ended)
    monkeypatch.setattr(writing, "MOST_OPTIONS", 0)
    assert run("set", "db", "a=2").code == code
    assert store.revision() == begun
