"""TimeBasedConfigStore: failed reads, and the end."""

from __future__ import annotations

import gc
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from ddbcfg_client.config_stores import time_based
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    CredentialsRefused,
    StoreClosed,
    TableError,
)
from support import fault_proxy as faults
from support.waiting import wait_until

if TYPE_CHECKING:
    from support.fault_proxy import Fault, FaultProxy
from support.time_based_stores import NEVER, SECRET, SESSION, SOON, change, threads, version

# Forking with threads is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


# --- failing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", faults.FAULTS, ids=str)
def test_a_failing_read_keeps_the_values_and_recovers(
    open_store: Any,
    table: Table,
    proxy: FaultProxy,
    fault: Fault,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = open_store(SOON)
    proxy.fail(fault, "Query")
    change(table, 2)
    wait_until(lambda: store.config.last_error is not None)
    assert version(store) == 1
    assert store.config.db["password"] == SECRET
    assert isinstance(store.config.last_error, TableError)
    assert store.config.last_error.__traceback__ is store.config.last_error.__cause__ is None
    with pytest.raises(TableError):
        store.reload()
    assert version(store) == 1
    wait_until(lambda: caplog.records)
    proxy.heal()
    wait_until(lambda: version(store) == 2)
    wait_until(lambda: store.config.last_error is None)
    assert {r.levelno for r in caplog.records if r.name == "ddbcfg"} == {logging.WARNING}
    assert "'prod' keeps its values: Query on table" in caplog.text
    assert SECRET not in caplog.text


def test_a_fault_on_a_later_page_changes_nothing(
    open_store: Any, table: Table, proxy: FaultProxy
) -> None:
    for i in range(12):
        table.put("prod", f"fill-{i}", {"text": {"S": "x" * 100_000}})
    store = open_store(NEVER)
    change(table, 2)
    proxy.fail(faults.EXPIRED, "Query", after=1)
    with pytest.raises(CredentialsRefused):
        store.reload()
    assert version(store) == 1
    assert len(store.config) == 13


def test_an_error_that_nobody_foresaw_does_not_end_the_thread(
    open_store: Any, table: Table, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(SOON)
    with monkeypatch.context() as patch:
        patch.setattr(store.config._source, "options", lambda: {}[SECRET])
        wait_until(lambda: caplog.records)
    assert "KeyError" in caplog.text
    assert SECRET not in caplog.text
    change(table, 2)
    wait_until(lambda: version(store) == 2)


@pytest.mark.parametrize("fault", [faults.EXPIRED, faults.HANG, faults.GARBAGE], ids=str)
def test_a_first_read_that_fails_raises(open_store: Any, proxy: FaultProxy, fault: Fault) -> None:
    proxy.fail(fault, "Query")
    before = threads()
    with pytest.raises(TableError):
        open_store(SOON)
    assert threads() == before


# --- the end -------------------------------------------------------------------------------------


def test_close_ends_the_thread_and_keeps_the_values(open_store: Any, proxy: FaultProxy) -> None:
    before = threads()
    store = open_store(SOON)
    (thread,) = threads() - before
    store.close()
    assert not thread.is_alive()
    assert version(store) == 1
    with pytest.raises(StoreClosed):
        store.reload()
    store.close()


def test_close_does_not_wait_for_a_read_that_hangs(
    open_store: Any, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 30)
    monkeypatch.setattr(time_based, "_CLOSE_TIMEOUT", 0.05)
    before = threads()
    store = open_store(SOON)
    (thread,) = threads() - before
    proxy.fail(faults.HANG, "Query")
    proxy.wait_for(proxy.count("Query") + 1, "Query")
    start = time.monotonic()
    store.close()
    assert time.monotonic() - start < 5
    proxy.heal()
    thread.join(10)
    assert not thread.is_alive()


def test_a_store_that_nobody_has_any_more_ends_its_thread(open_store: Any, table: Table) -> None:
    before = threads()
    store = DynamoDBConfigStore(None, table.name, "prod", config_store="TimeBasedConfigStore")
    (thread,) = threads() - before
    del store
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_reload_leaves_no_thread_and_no_connection(
    table: Table, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faults.FaultProxy(moto_url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
        before = threads()
        with DynamoDBConfigStore(
            SESSION, table.name, "prod", config_store="TimeBasedConfigStore"
        ) as store:
            for _ in range(50):
                store.reload()
            assert len(threads() - before) == 1
            assert proxy.connections == 1
        assert threads() <= before
        proxy.wait_for_connections(0)
