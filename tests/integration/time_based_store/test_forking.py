"""TimeBasedConfigStore: forks, in any state."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials

from ddbcfg_client.config_stores import time_based
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    StoreClosed,
    TableUnreachable,
)
from support import fault_proxy as faults
from support.credentials import expiry
from support.waiting import in_child, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_proxy import FaultProxy
from support.time_based_stores import SESSION, SOON, change, threads, version

# Forking with threads is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def connection_of(kind: str, proxy: FaultProxy) -> Any:
    if kind == "session":
        return SESSION
    make = {"client": boto3.client, "resource": boto3.resource}[kind]
    config = Config(retries={"total_max_attempts": 1}, read_timeout=10)
    return make("dynamodb", endpoint_url=proxy.url, config=config)  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["session", "client", "resource"])
def test_a_child_goes_on_refreshing(
    open_store: Any, table: Table, proxy: FaultProxy, kind: str
) -> None:
    store = open_store(SOON, connection_of(kind, proxy))

    def child() -> int:
        assert len(threads()) == 1
        assert version(store) == 1
        change(table, 2)
        wait_until(lambda: version(store) == 2)
        store.reload()
        store.close()
        assert not threads()
        return os.getpid()

    assert in_child(child) != os.getpid()
    wait_until(lambda: version(store) == 2)


def test_a_grandchild_goes_on_refreshing(open_store: Any, table: Table) -> None:
    store = open_store(SOON)

    def grandchild() -> bool:
        change(table, 3)
        wait_until(lambda: version(store) == 3)
        return True

    assert in_child(lambda: in_child(grandchild))


@pytest.mark.parametrize("kind", ["session", "client", "resource"])
def test_a_fork_while_a_read_is_under_way(
    open_store: Any, table: Table, proxy: FaultProxy, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 20)
    store = open_store(SOON, connection_of(kind, proxy))
    proxy.fail(faults.HANG, "Query", times=1)
    proxy.wait_for(1, "Query")
    wait_until(lambda: proxy.requests[-1].fault is faults.HANG)
    assert store.config._polling.locked()

    def child() -> bool:
        store.reload()  # would hang on the lock that the parent's thread holds
        change(table, 2)
        wait_until(lambda: version(store) == 2)
        return True

    assert in_child(child)
    assert version(store) == 1
    proxy.heal()
    wait_until(lambda: version(store) == 2)


@pytest.mark.parametrize("kind", ["session", "client", "resource"])
def test_parent_and_child_do_not_share_a_connection(
    table: Table, proxy: FaultProxy, kind: str
) -> None:
    # If they did, each would now and then read the answer to the other's question.
    connection = connection_of(kind, proxy)
    with DynamoDBConfigStore(connection, table.name, "prod") as store:

        def read() -> bool:
            return all(store.config.get("db")["version"] == 1 for _ in range(3))

        def port_of(reads: Callable[[], bool]) -> int:
            proxy.reset()
            assert reads()
            (port,) = {request.port for request in proxy.requests}
            return port

        of_parent = port_of(read)
        assert port_of(lambda: in_child(read)) != of_parent
        assert port_of(read) == of_parent, "the child broke the parent's connection"
    if kind != "session":
        (connection if kind == "client" else connection.meta.client).close()


def test_a_closed_store_stays_closed_in_a_child(open_store: Any) -> None:
    store = open_store(SOON)
    store.close()

    def child() -> bool:
        assert not threads()
        with pytest.raises(StoreClosed):
            store.reload()
        return version(store) == 1

    assert in_child(child)


def test_a_store_that_was_closed_during_a_read_says_so_in_a_child(
    open_store: Any, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 20)
    monkeypatch.setattr(time_based, "_CLOSE_TIMEOUT", 0.0)
    store = open_store(SOON)
    proxy.fail(faults.HANG, "Query", times=1)
    proxy.wait_for(1, "Query")
    wait_until(lambda: proxy.requests[-1].fault is faults.HANG)
    store.close()
    assert store.config._polling.locked()
    with pytest.raises(StoreClosed):
        store.reload()

    def child() -> bool:
        with pytest.raises(StoreClosed):
            store.reload()
        return True

    assert in_child(child)


class Refreshing:
    """Gives a session credentials that are refreshed; in this process that hangs."""

    def __init__(self, session: boto3.Session, chained: bool) -> None:
        self.parent = os.getpid()
        self.started = threading.Event()
        self.released = threading.Event()
        refresh = self._refresh
        if chained:  # as of a role that is assumed with another role's credentials
            inner = self._credentials(refresh, 3600)
            self.innermost = inner
            fetcher = SimpleNamespace(_source_credentials=inner)
            refresh = MethodType(lambda _: self._chained(inner), fetcher)
        else:
            self.innermost = None
        self.credentials = self._credentials(refresh, 3600)
        session._session._credentials = self.credentials  # type: ignore[attr-defined]

    def _credentials(self, refresh: Callable[[], Any], seconds: float) -> RefreshableCredentials:
        return RefreshableCredentials.create_from_metadata(
            self._keys(seconds), refresh, "assume-role"
        )

    def _keys(self, seconds: float) -> dict[str, str]:
        return {
            "access_key": "key",
            "secret_key": "secret",
            "token": "token",
            "expiry_time": expiry(seconds),
        }

    def _chained(self, inner: RefreshableCredentials) -> dict[str, str]:
        inner.get_frozen_credentials()
        return self._keys(3600)

    def _refresh(self) -> dict[str, str]:
        if os.getpid() == self.parent:
            self.started.set()
            assert self.released.wait(20)
        return self._keys(3600)

    def expire(self) -> None:
        for credentials in (self.credentials, self.innermost):
            if credentials is not None:
                credentials._expiry_time = datetime.now(UTC)  # type: ignore[attr-defined]


@pytest.mark.parametrize("chained", [False, True], ids=["one role", "a role by a role"])
@pytest.mark.parametrize("kind", ["session", "client", "default"])
def test_a_fork_while_credentials_are_refreshed(
    open_store: Any, table: Table, kind: str, chained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = boto3.Session()
    refreshing = Refreshing(session, chained)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session if kind == "default" else None)
    made = {"session": lambda: session, "client": lambda: session.client("dynamodb")}
    store = open_store(SOON, made.get(kind, lambda: None)())
    refreshing.expire()
    assert refreshing.started.wait(20)

    def child() -> bool:
        change(table, 2)
        store.reload()  # would hang on botocore's lock
        wait_until(lambda: version(store) == 2)
        return store.config.last_error is None

    try:
        assert in_child(child)
    finally:
        refreshing.released.set()
    wait_until(lambda: version(store) == 2)


def test_unreachable_in_the_child_keeps_the_values(open_store: Any, proxy: FaultProxy) -> None:
    store = open_store(SOON)
    proxy.fail(faults.RESET)

    def child() -> bool:
        wait_until(lambda: isinstance(store.config.last_error, TableUnreachable))
        return version(store) == 1

    assert in_child(child)
