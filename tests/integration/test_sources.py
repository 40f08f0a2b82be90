"""A source of another kind needs no change to the rest of the daemon."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest

from ddbcfg_client.errors import SnapshotUnavailable
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.values import pack_option
from ddbcfg_daemon import cli, serving
from ddbcfg_daemon.errors import OtherSource, SourceUnusable
from ddbcfg_daemon.settings.daemon_values import DaemonSettings
from ddbcfg_daemon.settings.store_values import StoreSettings
from ddbcfg_daemon.sources.base import Progress, Reading, Source, Sources
from support.daemon import Host


class Memory(Sources):
    """A source in this process's memory; ``asked`` is what was asked of it."""

    def __init__(self, stores: Sequence[StoreSettings], *, lasting: bool = True) -> None:
        self.stores = stores
        self.lasting = lasting
        self.refused: Exception | None = None
        self.unusable = False
        self.asked: list[str] = []

    def source(self, store: StoreSettings) -> Source:
        self.asked.append(f"source of {store.store}")
        return self

    def read(self, progress: Progress, **_: object) -> Reading:
        if self.unusable:
            raise SourceUnusable("MemoryLost", "the memory is gone")
        return Reading({"db": pack_option("db", {"host": {"S": "h"}})}, 1, "memory")

    def check_published(self, names: Names) -> None:
        self.asked.append(f"may replace {names.store}")
        if self.refused is not None:
            raise self.refused

    def close(self) -> None:
        self.asked.append("close")


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


def served_once(host: Host, monkeypatch: pytest.MonkeyPatch, *, lasting: bool = True) -> Memory:
    made: list[Memory] = []

    def open_sources(settings: DaemonSettings) -> Sources:
        made.append(Memory(settings.stores, lasting=lasting))
        return made[0]

    monkeypatch.setattr(serving, "open_sources", open_sources)
    assert run(host) == 0
    return made[0]


def run(host: Host) -> int:
    return cli.main(("--once", "--table", "t", "--store", "a,b", "--namespace", host.namespace))


def test_one_that_lasts_leaves_what_was_published(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = served_once(host, monkeypatch)
    for store in ("a", "b"):
        assert host.config(store).get("db") == {"host": "h"}
        assert host.config(store).status().source == "memory"
    assert memory.asked == [
        *("source of a", "source of b"),
        *("may replace a", "may replace b"),
        "close",
    ]


def test_one_that_does_not_last_takes_it_away(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served_once(host, monkeypatch, lasting=False).asked[-1] == "close"
    with pytest.raises(SnapshotUnavailable):
        host.config("a").get("db")


@pytest.mark.parametrize(
    ("refused", "unusable", "code", "reason"),
    [
        (OtherSource("a", "elsewhere", "use another --namespace"), False, 77, "from elsewhere"),
        (None, True, 78, "the memory is gone"),
    ],
)
def test_what_it_refuses_ends_the_daemon_with_a_code(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    refused: Exception | None,
    unusable: bool,
    code: int,
    reason: str,
) -> None:
    def open_sources(settings: DaemonSettings) -> Sources:
        memory = Memory(settings.stores)
        memory.refused, memory.unusable = refused, unusable
        return memory

    monkeypatch.setattr(serving, "open_sources", open_sources)
    assert run(host) == code
    assert reason in capfd.readouterr().err


def test_a_store_that_could_not_be_taken_up_is_free_for_the_next_try(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory() -> int:
        raise MemoryError

    monkeypatch.setattr(
        serving, "open_sources", lambda settings: Memory(settings.stores, lasting=True)
    )
    flags = ["--table", "config", "--store", "prod", "--namespace", host.namespace, "--once"]
    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.refresher.pid_namespace", no_memory)
        assert cli.main(flags) == 1
    assert cli.main(flags) == 0
