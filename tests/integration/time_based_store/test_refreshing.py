"""TimeBasedConfigStore: when it reads again."""

from __future__ import annotations

import pickle
import threading
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import pytest

from ddbcfg_client.config_stores import time_based
from ddbcfg_client.config_stores.store import DynamoDBConfigStore
from ddbcfg_client.dynamodb.table import Table
from ddbcfg_client.errors import (
    IntervalRefused,
    TableUnreachable,
)
from ddbcfg_client.readonly import ReadOnlyDict
from support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_proxy import FaultProxy
from support.time_based_stores import NEVER, SESSION, SOON, change, version

# Forking with threads is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


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
    with pytest.raises(IntervalRefused, match="auto_reload is another name") as caught:
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
