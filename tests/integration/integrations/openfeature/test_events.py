"""The provider's events: what changed, and READY, STALE and ERROR, from its own watch."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ddbcfg_client.errors import SnapshotTooStale, SnapshotUnavailable
from ddbcfg_client.testing import FakeConfig
from support.libraries import needs

needs("openfeature")

from openfeature import api  # noqa: E402
from openfeature.event import EventDetails, ProviderEvent  # noqa: E402
from openfeature.exception import ErrorCode, OpenFeatureError  # noqa: E402

from ddbcfg_client.integrations.openfeature import DdbcfgProvider, sdk_forks, watch  # noqa: E402

READY = ProviderEvent.PROVIDER_READY
STALE = ProviderEvent.PROVIDER_STALE
ERROR = ProviderEvent.PROVIDER_ERROR
CHANGED = ProviderEvent.PROVIDER_CONFIGURATION_CHANGED

Next = Callable[[], tuple[ProviderEvent, EventDetails]]
Watching = Callable[[], int]
ON = {"variants": {"on": True}, "default_variant": "on"}
OFF = {"variants": {"off": False}, "default_variant": "off"}


@pytest.fixture
def config() -> FakeConfig:
    return FakeConfig({"flag.a": ON, "flag.b": ON, "db": {"host": "h"}})


@pytest.fixture
def watching() -> Watching:
    """How many threads watch since the test began; providers of other tests may have theirs."""
    before = set(threading.enumerate())
    return lambda: sum(
        thread.name == "ddbcfg-openfeature" for thread in {*threading.enumerate()} - before
    )


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch, watching: Watching) -> Iterator[Next]:
    """The next event, of any kind, in the order in which the SDK runs handlers."""
    monkeypatch.setattr(watch, "_LOOK_EVERY", 0.05)
    events: queue.SimpleQueue[tuple[ProviderEvent, EventDetails]] = queue.SimpleQueue()
    for event in ProviderEvent:
        api.add_handler(event, lambda details, event=event: events.put((event, details)))
    assert events.get(timeout=20)[0] is READY  # of the SDK's provider that does nothing
    yield lambda: events.get(timeout=20)
    api.shutdown()
    assert watching() == 0


def test_a_change_of_flags_is_an_event_that_names_them(config: FakeConfig, following: Next) -> None:
    api.set_provider_and_wait(DdbcfgProvider(config))
    assert following()[0] is READY
    config.set("flag.a", OFF)
    event, details = following()
    assert (event, details.flags_changed) == (CHANGED, ["a"])
    assert details.provider_name == "ddbcfg"
    assert details.metadata == {"generation": 2}
    config.set("flag.c", ON)
    assert following()[1].flags_changed == ["c"]
    config.delete("flag.b")
    assert following()[1].flags_changed == ["b"]


def test_a_change_of_other_options_is_no_event(config: FakeConfig, following: Next) -> None:
    api.set_provider_and_wait(DdbcfgProvider(config))
    following()
    config.set("db", {"host": "other"})
    config.set("flag.a", OFF)
    assert following()[1].flags_changed == ["a"]


def test_a_change_that_is_not_known_in_full_names_no_flags(
    config: FakeConfig, following: Next
) -> None:
    api.set_provider_and_wait(DdbcfgProvider(config))
    following()
    config._publish({f"other{n}": b"\x80" for n in range(5000)})
    event, details = following()
    assert (event, details.flags_changed) == (CHANGED, None)


def test_old_options_make_it_stale_and_new_ones_ready(config: FakeConfig, following: Next) -> None:
    provider = DdbcfgProvider(config, stale_after=100)
    api.set_provider_and_wait(provider)
    following()
    config.age = 150.0
    event, details = following()
    assert event is STALE
    assert details.message == "the age of the flags is 150 s; the limit is 100 s"
    assert api.get_client().get_boolean_value("a", False) is True  # and they are served
    config.age = 5.0
    assert following()[0] is READY


def test_without_a_limit_it_is_stale_after_three_intervals(
    config: FakeConfig, following: Next
) -> None:
    api.set_provider_and_wait(DdbcfgProvider(config))
    following()
    config.age = 170.0  # the interval is 60
    config.set("flag.a", OFF)
    assert following()[0] is CHANGED
    config.age = 190.0
    assert following()[0] is STALE
    config.age = None
    config.set("flag.a", ON)
    assert following()[0] is CHANGED  # still stale


def test_a_read_that_fails_is_an_error_until_it_succeeds(
    config: FakeConfig, following: Next
) -> None:
    api.set_provider_and_wait(DdbcfgProvider(config))
    following()
    config.failure = SnapshotTooStale("test", 9.0, 5.0)
    event, details = following()
    assert (event, details.error_code) == (ERROR, ErrorCode.GENERAL)
    assert "more than the 5 s allowed" in str(details.message)
    config.failure = None
    assert following()[0] is READY


def test_a_provider_without_a_snapshot_becomes_ready_with_the_first_one(
    config: FakeConfig, following: Next
) -> None:
    config.failure = SnapshotUnavailable("/ddbcfg.config.test", "no daemon")
    with pytest.raises(OpenFeatureError):
        api.set_provider_and_wait(DdbcfgProvider(config))
    event, details = following()
    assert (event, details.error_code) == (ERROR, ErrorCode.PROVIDER_NOT_READY)
    config.failure = None
    assert following()[0] is READY


def test_without_events_there_is_no_thread_until_watch_is_called(
    config: FakeConfig, following: Next, watching: Watching
) -> None:
    provider = DdbcfgProvider(config, events=False)
    api.set_provider_and_wait(provider)
    following()
    assert watching() == 0
    config.set("flag.a", OFF)
    provider.watch()
    provider.watch()
    assert watching() == 1
    assert following()[1].flags_changed == ["a"]  # also what changed before


def test_a_provider_that_was_shut_down_can_be_set_again(
    config: FakeConfig, following: Next
) -> None:
    provider = DdbcfgProvider(config)
    for _ in range(2):
        api.set_provider_and_wait(provider)
        assert following()[0] is READY
        config.set("flag.a", OFF if config["flag.a"] == ON else ON)
        assert following()[1].flags_changed == ["a"]
        api.provider_registry.clear_providers()
    assert provider.resolve_boolean_details("a", False).value is True


def test_an_event_that_the_sdk_does_not_take_any_more_is_logged(
    config: FakeConfig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "ddbcfg")
    refused = threading.Event()

    def refuse(*_: object) -> None:
        refused.set()
        raise RuntimeError("cannot schedule new futures after shutdown")

    provider = DdbcfgProvider(config)
    provider.attach(refuse)
    provider.watch()
    config.set("flag.a", OFF)
    assert refused.wait(20)
    provider.shutdown()
    assert "PROVIDER_CONFIGURATION_CHANGED was not delivered" in caplog.text


@pytest.mark.parametrize("late", ["before the first read", "after it"])
def test_an_initialization_that_ends_after_the_shutdown_leaves_no_thread(
    config: FakeConfig, monkeypatch: pytest.MonkeyPatch, watching: Watching, late: str
) -> None:
    begun, go = threading.Event(), threading.Event()
    begin = watch.Watch.begin

    def slowly(self: watch.Watch) -> str | None:
        trouble = begin(self) if late == "after it" else None
        begun.set()
        assert go.wait(20)
        return trouble if late == "after it" else begin(self)

    monkeypatch.setattr(watch.Watch, "begin", slowly)
    provider = DdbcfgProvider(config)
    api.set_provider(provider)  # in a thread of the SDK
    initializing = [t for t in threading.enumerate() if t.name.endswith("(_run_initialize)")]
    assert begun.wait(20)
    api.shutdown()
    go.set()
    for thread in initializing:
        thread.join(20)
    try:
        assert watching() == 0
    finally:
        provider.shutdown()


def test_a_provider_that_is_set_again_after_its_shutdown_watches_again(
    config: FakeConfig, following: Next, watching: Watching
) -> None:
    provider = DdbcfgProvider(config)
    for _ in range(2):
        api.set_provider_and_wait(provider)
        assert watching() == 1
        api.clear_providers()
        assert watching() == 0


@pytest.mark.parametrize("support", [None, SimpleNamespace()], ids=["no module", "no executor"])
def test_an_sdk_that_keeps_its_threads_elsewhere_is_logged_once_in_a_child(
    support: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sdk_forks, "_event_support", support)
    monkeypatch.setattr(sdk_forks, "_executors", {})
    logged = []
    for process in (1, 1, 2, 2):
        monkeypatch.setattr(sdk_forks.forks, "process", lambda process=process: process)
        sdk_forks.revive_event_executor()
        logged.append(len(caplog.records))
    assert logged == [0, 0, 1, 1]
