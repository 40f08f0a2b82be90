"""The service: what it tells the manager, which signals it takes, and how it ends (G5, G7)."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.errors import ForeignObject, SettingsFileRefused, WriterLocked
from ddbcfg_daemon.served_store import ServedStore
from ddbcfg_daemon.service import Change, Service
from ddbcfg_daemon.signals import Signals
from ddbcfg_daemon.systemd import Notifier
from support.daemon import SECRET


class FakeNotifier(Notifier):
    """Keeps what it should send."""

    def __init__(self, watchdog: float = 0.0) -> None:
        self.watchdog = watchdog
        self.sent: list[str] = []
        self.arrives = True

    def send(self, *states: str) -> bool:
        self.sent += states
        return self.arrives


class FakeStore:
    """A store whose thread does what the test says, and then waits to be stopped."""

    def __init__(self, loop: Callable[[], None] = lambda: None, name: str = "prod") -> None:
        self.label = name
        self.names = Names("config", name)
        self.closed = threading.Event()
        self.nudges = 0
        self.wakes = 0
        self.polled = True  # since it was nudged
        self.obstacle: BaseException | None = None
        self.ready = self.settled = True
        self.silence = 0.0
        self.summary = f"{name}: well"
        self.stopped = threading.Event()
        self._loop = loop

    def run(self) -> None:
        self._loop()
        assert self.stopped.wait(20)

    def stop(self) -> None:
        self.stopped.set()

    def wake(self) -> None:
        self.wakes += 1

    def nudge(self) -> bool:
        self.nudges += 1
        new, self.polled = self.polled, False
        return new

    def finish_copy(self, patience: float) -> None:
        pass

    def close(self) -> None:
        self.closed.set()


def kill_main(number: signal.Signals) -> None:
    """Signal the main thread: other threads of these tests do not hold the service's signals."""
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, number)


def stores(*fakes: FakeStore) -> list[ServedStore]:
    return cast("list[ServedStore]", list(fakes))


@pytest.fixture
def signals() -> Iterator[Signals]:
    """As in the daemon."""
    with Signals() as signals:
        yield signals


def test_ready_is_told_once_and_not_before_every_store_was_tried(signals: Signals) -> None:
    notifier = FakeNotifier()
    service = Service(notifier, signals)
    prod, test = FakeStore(name="prod"), FakeStore(name="test")
    test.ready = test.settled = False
    service._notify(stores(prod, test))
    assert "READY=1" not in notifier.sent
    test.ready = test.settled = True
    service._notify(stores(prod, test))
    service._notify(stores(prod, test))
    assert notifier.sent.count("READY=1") == 1
    assert notifier.sent[0] == "STATUS=prod: well; test: well"


def test_each_output_is_updated_after_a_poll_and_only_then(signals: Signals) -> None:
    class Seen(list[list[str]]):
        def update(self, stores: Sequence[ServedStore]) -> None:
            self.append([store.label for store in stores])

    outputs = Seen(), Seen()
    service = Service(FakeNotifier(), signals, outputs)
    fakes = stores(FakeStore(name="prod"), FakeStore(name="test"))
    service._look(fakes, set(), 1.0)
    assert outputs == ([], [])
    service.wake()
    service._look(fakes, set(), 1.0)
    service._look(fakes, set(), 1.0)
    assert outputs == ([["prod", "test"]], [["prod", "test"]])


def test_a_store_that_cannot_be_served_does_not_keep_ready_from_the_others(
    signals: Signals,
) -> None:
    notifier = FakeNotifier()
    service = Service(notifier, signals)
    prod, test = FakeStore(name="prod"), FakeStore(name="test")
    prod.ready = test.ready = False
    service._notify(stores(prod, test))
    assert "READY=1" not in notifier.sent  # nobody has anything to read
    prod.ready = True
    service._notify(stores(prod, test))
    assert "READY=1" in notifier.sent


def test_one_store_that_hangs_starves_the_watchdog_though_the_others_are_well(
    signals: Signals,
) -> None:
    notifier = FakeNotifier(watchdog=180)
    service = Service(notifier, signals)
    well, stuck = FakeStore(), FakeStore()
    stuck.silence = 119
    service._notify(stores(well, stuck))
    assert "WATCHDOG=1" in notifier.sent
    notifier.sent.clear()
    stuck.silence = 121
    service._notify(stores(well, stuck))
    assert notifier.sent == ["STATUS=prod: well; prod: well"]


def test_ready_is_told_until_it_arrives(signals: Signals) -> None:
    notifier = FakeNotifier()
    service = Service(notifier, signals)
    notifier.arrives = False
    service._notify(stores(FakeStore()))
    service._notify(stores(FakeStore()))
    notifier.arrives = True
    service._notify(stores(FakeStore()))
    service._notify(stores(FakeStore()))
    assert notifier.sent.count("READY=1") == 3


def test_store_whose_sleep_took_too_long_is_woken(signals: Signals) -> None:
    # The monotonic clock of its wait stands still while the host is suspended.
    service = Service(FakeNotifier(), signals)
    on_time, late = FakeStore(), FakeStore()
    late.silence = 3
    service._notify(stores(on_time, late))
    assert (on_time.wakes, late.wakes) == (0, 1)
    assert (on_time.nudges, late.nudges) == (0, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_stop_ends_it_in_order(signals: Signals, number: signal.Signals) -> None:
    notifier = FakeNotifier()
    fake = FakeStore(lambda: kill_main(number))
    assert Service(notifier, signals).run(stores(fake)) is None
    assert fake.stopped.is_set()
    assert notifier.sent[-1] == "STOPPING=1"
    assert "prod" not in [thread.name for thread in threading.enumerate()]


def test_sighup_has_every_store_polled(signals: Signals) -> None:
    prod, test = FakeStore(name="prod"), FakeStore(name="test")

    def loop() -> None:
        kill_main(signal.SIGHUP)
        while not (prod.nudges and test.nudges):
            assert not prod.stopped.wait(0.001)
        kill_main(signal.SIGTERM)

    prod._loop = loop
    assert Service(FakeNotifier(), signals).run(stores(prod, test)) is None


def test_the_status_says_that_the_file_is_refused(signals: Signals) -> None:
    prod, notifier = FakeStore(), FakeNotifier()

    def reread() -> None:
        if not prod.nudges:
            raise SettingsFileRefused("/a.toml", 16, f"no proxy http://u:{SECRET}@h/")

    def loop() -> None:
        for status in ("settings refused: /a.toml:16: no proxy http://***@h/; ", ""):
            kill_main(signal.SIGHUP)
            while f"STATUS={status}prod: well" not in notifier.sent[-2:]:
                assert not prod.stopped.wait(0.001)
        kill_main(signal.SIGTERM)

    prod._loop = loop
    assert Service(notifier, signals, (), reread).run(stores(prod)) is None


def test_sighup_in_a_storm_is_logged_once_a_poll(
    signals: Signals, caplog: pytest.LogCaptureFixture
) -> None:
    prod = FakeStore()

    def loop() -> None:
        for polls in range(3):
            prod.polled = True
            for sent in range(50):
                nudges = prod.nudges
                kill_main(signal.SIGHUP)
                while prod.nudges == nudges:
                    assert not prod.stopped.wait(0.0001), (polls, sent)
        kill_main(signal.SIGTERM)

    prod._loop = loop
    caplog.set_level(logging.INFO, "ddbcfg")
    notifier = FakeNotifier()
    assert Service(notifier, signals).run(stores(prod)) is None
    assert caplog.text.count("polling now on SIGHUP") == 3
    # Nor does the service manager hear of each of them.
    assert len(notifier.sent) < 50


def test_a_store_that_leaves_is_not_polled_once_more_and_its_end_cannot_hurt(
    signals: Signals, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old, stays = FakeStore(name="old"), FakeStore(name="stays")
    new = FakeStore(lambda: kill_main(signal.SIGTERM), name="old")
    changes = [Change(stores(stays, new), stores(new), stores(old))]

    def close() -> None:
        assert not new.stopped.is_set()
        old.closed.set()
        raise RuntimeError(SECRET)

    monkeypatch.setattr(old, "close", close)
    stays._loop = lambda: kill_main(signal.SIGHUP)
    service = Service(FakeNotifier(), signals, (), lambda: changes.pop() if changes else None)
    assert service.run(stores(old, stays)) is None
    assert (old.nudges, stays.nudges, new.nudges) == (0, 1, 0)
    assert all(store.stopped.is_set() for store in (old, stays, new))
    assert old.closed.is_set()
    assert not new.closed.is_set()
    assert "old: RuntimeError at" in caplog.text
    assert SECRET not in caplog.text


def test_signal_to_stop_is_heard_in_a_storm_of_sighup(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod = FakeStore()

    def nudge() -> bool:
        kill_main(signal.SIGHUP)  # one is always pending
        prod.nudges += 1
        if prod.nudges == 100:
            kill_main(signal.SIGTERM)
        assert prod.nudges < 1000
        return False

    monkeypatch.setattr(prod, "nudge", nudge)
    prod._loop = lambda: kill_main(signal.SIGHUP)
    assert Service(FakeNotifier(), signals).run(stores(prod)) is None
    assert prod.nudges < 200


LOCKED = WriterLocked("prod", "/lock", 1)
LOCKED_TOO = WriterLocked("test", "/lock", 1)
FOREIGN = ForeignObject("/page", "bob (uid 1001)", "a file")


@pytest.mark.parametrize("failures", [(LOCKED, LOCKED_TOO), (RuntimeError(), ValueError())])
def test_what_keeps_every_store_from_being_served_ends_the_service(
    signals: Signals, failures: tuple[BaseException, BaseException]
) -> None:
    service = Service(FakeNotifier(), signals)
    first, second = FakeStore(), FakeStore()

    def loop() -> None:
        first.obstacle = failures[0]
        service.wake()
        assert not first.stopped.wait(0.05)  # not before the other one has failed, too
        second.obstacle = failures[1]
        service.wake()

    first._loop = loop
    assert service.run(stores(first, second)) is failures[0]
    assert second.stopped.is_set()


@pytest.mark.parametrize(
    "failures",
    [
        (LOCKED, None),
        (LOCKED, FOREIGN),
        (FOREIGN, OSError(28, "full")),
        (OSError(28, "full"), None),
    ],
)
def test_what_keeps_some_stores_from_being_served_does_not(
    signals: Signals, failures: tuple[BaseException, BaseException | None]
) -> None:
    notifier = FakeNotifier()
    service = Service(notifier, signals)
    first, second = FakeStore(), FakeStore()
    first.obstacle, second.obstacle = failures

    def loop() -> None:
        for _ in range(20):
            service.wake()
        assert not first.stopped.wait(0.05)
        kill_main(signal.SIGTERM)

    first._loop = loop
    assert service.run(stores(first, second)) is None
    assert "WATCHDOG=1" in notifier.sent


def test_store_that_hangs_does_not_hold_up_the_end(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.service._PATIENCE", 0.05)
    release = threading.Event()

    def hang() -> None:
        kill_main(signal.SIGTERM)
        release.wait(20)

    assert Service(FakeNotifier(), signals).run(stores(FakeStore(hang))) is None
    release.set()


def test_watchdog_is_fed_at_least_three_times_within_its_time(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def wait(seconds: float) -> frozenset[signal.Signals]:
        pauses.append(seconds)
        return frozenset((signal.SIGTERM,))

    monkeypatch.setattr(signals, "wait", wait)
    for watchdog in (0.0, 0.3, 180.0):
        Service(FakeNotifier(watchdog), signals).run(stores(FakeStore()))
    assert pauses == [1.0, pytest.approx(0.1), 1.0]


def test_no_memory_to_look_at_the_stores_ends_nothing(signals: Signals) -> None:
    notifier = FakeNotifier(watchdog=0.03)  # the next look comes after a third of it
    prod = FakeStore()

    class Short(FakeStore):
        looks = 0

        @property
        def summary(self) -> str:  # type: ignore[override]
            self.looks += 1
            if self.looks == 1:
                raise MemoryError
            kill_main(signal.SIGTERM)
            return "test: well"

        @summary.setter
        def summary(self, text: str) -> None:
            pass

    assert Service(notifier, signals).run(stores(prod, Short(name="test"))) is None
    assert "STATUS=prod: well; test: well" in notifier.sent


def test_without_a_thread_for_one_store_the_others_are_stopped(
    signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    prod, test = FakeStore(name="prod"), FakeStore(name="test")
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "test":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError):
        Service(FakeNotifier(), signals).run(stores(prod, test))
    assert prod.stopped.is_set()
