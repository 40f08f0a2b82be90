"""TimeBasedConfigStore: refreshing, failing, forking, and leaving nothing behind."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials

from ddbcfg_client.config_stores import time_based
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb import client as connecting
from ddbcfg_client.dynamodb.creation import ensure_table
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    CredentialsRefused,
    IntervalRefused,
    StoreClosed,
    TableError,
    TableUnreachable,
)
from ddbcfg_client.readonly import ReadOnlyDict
from support import fault_proxy as faults
from support.credentials import expiry
from support.waiting import in_child, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fault_proxy import Fault, FaultProxy

# Forking with threads is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

# One for all tests: to make its first client takes longer than most of them.
SESSION = boto3.Session()
SECRET = "p1anted-s3cret"
SOON = 0.05
NEVER = 3600.0


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch, proxy: FaultProxy) -> None:
    """Have the default session find the proxy, with time-outs that a test can wait for."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", proxy.url)
    monkeypatch.setattr(connecting, "READ_TIMEOUT", 1.0)
    monkeypatch.setattr(connecting, "ATTEMPTS", 1)


@pytest.fixture
def table(moto_url: str, table_name: str) -> Iterator[Table]:
    """The table, past the proxy."""
    client = boto3.client("dynamodb", endpoint_url=moto_url)
    table = Table(client, table_name)
    ensure_table(table)
    table.put("prod", "db", {"version": {"N": "1"}, "password": {"S": SECRET}})
    yield table
    client.close()


def change(table: Table, version: int) -> None:
    table.put("prod", "db", {"version": {"N": str(version)}, "password": {"S": SECRET}})


@pytest.fixture
def open_store(table: Table) -> Iterator[Callable[..., DynamoDBConfigStore]]:
    """Open a time-based store; closed after the test."""
    opened = []

    def open_store(
        interval: float | None = None, connection: Any = SESSION, **kwargs: Any
    ) -> DynamoDBConfigStore:
        if interval is not None:
            kwargs["update_interval"] = interval
        store = DynamoDBConfigStore(
            connection,
            table.name,
            "prod",
            config_store="TimeBasedConfigStore",
            config_store_kwargs=kwargs,
        )
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


def threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("ddbcfg ")}


def version(store: DynamoDBConfigStore) -> int:
    return int(store.config["db"]["version"])


# --- refreshing ----------------------------------------------------------------------------------


def test_a_change_is_seen_after_the_interval(open_store: Any, table: Table) -> None:
    store = open_store(SOON)
    assert version(store) == 1
    change(table, 2)
    wait_until(lambda: version(store) == 2)
    table.delete("prod", "db")
    wait_until(lambda: "db" not in store.config)


def test_reload_reads_now(open_store: Any, table: Table) -> None:
    store = open_store(NEVER)
    change(table, 2)
    assert version(store) == 1
    store.reload()
    assert version(store) == 2


def test_what_was_read_is_kept_by_whoever_has_it(open_store: Any, table: Table) -> None:
    store = open_store(NEVER)
    everything, db = store.config.get(), store.config.get("db")
    change(table, 2)
    store.reload()
    assert everything["db"]["version"] == db["version"] == 1


def test_no_option_is_ever_missing_while_it_refreshes(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(NEVER)
    names = [f"option_{i}" for i in range(50)]
    numbers = iter(range(1, 10_000))

    def options() -> ReadOnlyDict:
        number = next(numbers)
        return ReadOnlyDict((name, ReadOnlyDict(number=number)) for name in names)

    monkeypatch.setattr(store.config._source, "options", options)
    store.reload()
    stop = threading.Event()
    reads, wrong = [0, 0], []

    def read(me: int) -> None:
        config = store.config
        while not stop.is_set():
            whole = {option["number"] for option in config.get().values()}
            if (
                len(config) != 50
                or "option_49" not in config
                or not config.option_7
                or len(whole) > 1
            ):
                wrong.append(whole)
            reads[me] += 1

    readers = [threading.Thread(target=read, args=(me,)) for me in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(3000):
            store.reload()
        wait_until(lambda: min(reads) > 100)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert store.config.option_0["number"] == 3001


def test_a_slow_read_does_not_put_old_values_over_newer_ones(
    open_store: Any, table: Table, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(NEVER)
    order: list[str] = []
    real = store.config._source.options
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> Any:
        options = real()
        order.append("read")
        if len(order) == 1:
            reading.set()
            go_on.wait(20)
        return options

    monkeypatch.setattr(store.config._source, "options", slow)
    first = threading.Thread(target=store.reload)
    first.start()
    reading.wait(20)
    change(table, 2)
    second = threading.Thread(target=store.reload)
    second.start()
    go_on.set()
    first.join()
    second.join()
    assert version(store) == 2


# --- the interval --------------------------------------------------------------------------------


def test_the_default_interval_is_300_seconds(open_store: Any) -> None:
    assert open_store().config.update_interval == 300


def test_auto_reload_is_another_name(open_store: Any) -> None:
    assert open_store(auto_reload=7).config.update_interval == 7


def test_the_interval_as_positional_argument(table: Table) -> None:
    with DynamoDBConfigStore(
        SESSION,
        table.name,
        "prod",
        config_store="TimeBasedConfigStore",
        config_store_args=(7,),
    ) as store:
        assert store.config.update_interval == 7  # type: ignore[attr-defined]


def test_both_names_at_once_are_refused(open_store: Any) -> None:
    with pytest.raises(IntervalRefused, match="a second name, auto_reload") as caught:
        open_store(5, auto_reload=5)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("name", ["update_interval", "auto_reload"])
@pytest.mark.parametrize("interval", ["5", True, [1], b"1", 1j])
def test_an_interval_that_is_no_number(open_store: Any, name: str, interval: Any) -> None:
    with pytest.raises(IntervalRefused, match="must be a number of seconds, not") as caught:
        open_store(**{name: interval})
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "interval",
    [0, -1, 1e-9, 1e12, 10**400, float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN")],
)
def test_an_interval_that_cannot_be_kept(open_store: Any, interval: Any) -> None:
    with pytest.raises(IntervalRefused, match=r"0.01 to 31536000 seconds, not") as caught:
        open_store(interval)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 120
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("interval", [0.01, 31_536_000, Decimal("0.5")])
def test_intervals_that_can_be_kept(open_store: Any, interval: Any) -> None:
    """Also one that was itself read from a store."""
    assert open_store(interval).config.update_interval == float(interval)


class Simulated:
    """Time for one time-based store, whose thread is run here: each read takes ``took`` seconds."""

    def __init__(self, config: Any, monkeypatch: pytest.MonkeyPatch, took: float) -> None:
        self.config = config
        self.now = 1000.0
        self.took = took
        self.starts: list[float] = []
        self.ends: list[float] = []
        self.failing = False
        self.pauses = 0
        self.at_pause: Callable[[float], float] = lambda pause: pause
        monkeypatch.setattr(time_based, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(config._source, "options", self.read)

    def read(self) -> ReadOnlyDict:
        self.starts.append(self.now)
        self.now += self.took
        self.ends.append(self.now)
        if self.failing:
            raise TableUnreachable("config", "Query", "ConnectionError", "nobody there")
        return ReadOnlyDict()

    def wait(self, pause: float) -> bool:
        """What the thread calls on its event: time passes."""
        assert pause > 0
        self.pauses -= 1
        self.now += self.at_pause(pause)
        return self.pauses < 0

    def run(self, pauses: int) -> None:
        self.pauses = pauses
        time_based._refresh(ref(self.config), cast("threading.Event", self))

    def latest(self) -> float:
        """The longest that a change waited: made just after a read began, seen after the next."""
        return max(end - start for start, end in zip(self.starts, self.ends[1:], strict=False))


@pytest.mark.parametrize("took", [0.0, 0.01, 1.0])
def test_a_change_is_seen_within_the_interval(
    open_store: Any, monkeypatch: pytest.MonkeyPatch, took: float
) -> None:
    """At most; hosts that started together drift apart, by reading sooner."""
    simulated = Simulated(open_store(5).config, monkeypatch, took)
    simulated.config.reload()
    simulated.run(500)
    assert len(simulated.starts) > 490
    assert 4.7 < simulated.latest() <= 5 * 0.951
    gaps = [b - a for a, b in zip(simulated.starts, simulated.starts[1:], strict=False)]
    assert 5 * 0.799 - took <= min(gaps) < 4.1


def test_reads_that_take_longer_than_the_interval_leave_pauses(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = Simulated(open_store(5).config, monkeypatch, took=20.0)
    simulated.config.reload()
    simulated.run(20)
    pauses = [b - a for a, b in zip(simulated.ends, simulated.starts[1:], strict=False)]
    assert min(pauses) >= 0.2


def test_reload_starts_a_new_interval(open_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(open_store(5).config, monkeypatch, took=0.0)
    simulated.config.reload()

    def reload_meanwhile(pause: float) -> float:
        simulated.now += pause / 2
        simulated.config.reload()
        return pause / 2

    simulated.at_pause = reload_meanwhile
    simulated.run(100)
    assert len(simulated.starts) == 102, "the thread read although a reload just had"
    assert simulated.latest() < 5


def test_failing_reads_are_tried_again_sooner_and_ever_later(
    open_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated = Simulated(open_store(100).config, monkeypatch, took=0.0)
    simulated.config.reload()
    simulated.failing = True
    simulated.run(12)
    gaps = [b - a for a, b in zip(simulated.starts, simulated.starts[1:], strict=False)]
    for gap, most in zip(gaps[1:], (2, 4, 8, 16, 32, 64, 100, 100), strict=False):
        assert 0.79 * most < gap < 0.96 * most
    simulated.failing = False
    simulated.run(1)
    assert 79 < simulated.now - simulated.starts[-1] < 96


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


# --- forking -------------------------------------------------------------------------------------


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
