"""What stands in the way of a new generation: the reader keeps what it has (G4)."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import ddbcfg_client
from ddbcfg_client import Config
from ddbcfg_client import connecting as connection
from ddbcfg_client.errors import (
    ConfigError,
    LayoutMismatch,
    SnapshotCorrupt,
    SnapshotUnavailable,
)
from ddbcfg_client.format.page import GENERATION_WORD, LAYOUT_WORD, RETIRED
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.reading import OPTIONS, changed, set_word
from support.shm import reading
from support.waiting import wait_until


def await_next_try(config: Config) -> Config:
    """The same when it has tried again to take up what is current."""
    wait_until(lambda: config.status().reader_error is None)
    return config


DETACHED: dict[str, Callable[[Config], object]] = {
    "get": lambda config: config.get("größe") == OPTIONS["größe"],
    "get everything": lambda config: config.get() == OPTIONS,
    "[]": lambda config: config["größe"] == OPTIONS["größe"],
    "in": lambda config: "größe" in config and "nope" not in config,
    "iter": lambda config: list(config) == sorted(OPTIONS),
}


@pytest.mark.parametrize("read", DETACHED.values(), ids=DETACHED.keys())
@pytest.mark.parametrize("reused", [False, True])
def test_a_program_may_close_all_its_descriptors(
    config: Config, read: Callable[[Config], object], reused: bool
) -> None:
    assert config["db"]
    fd = config.snapshot()._segment._fd
    os.close(fd)
    stranger = os.open("/etc/hostname", os.O_RDONLY) if reused else -1
    try:
        assert stranger in (-1, fd)
        assert read(config)
        if reused:
            os.fstat(stranger)  # nobody has closed it
    finally:
        if reused:
            os.close(stranger)


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Let this process open nothing more."""
    gc.collect()  # now: a reader of an earlier test that is collected later would free descriptors
    lowest = os.dup(0)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_that_can_open_no_more_files_keeps_what_it_has(
    publisher: Publisher, config: Config
) -> None:
    assert config["db"] == OPTIONS["db"]
    publisher.publish(changed(db={"host": "new"}))
    with no_more_descriptors():
        assert config["db"] == OPTIONS["db"]
        assert config.generation == 1
    assert await_next_try(config)["db"] == {"host": "new"}


def test_a_process_that_can_open_no_files_is_told_so(publisher: Publisher) -> None:
    config = Config(publisher.names, connection.trust_in(None))
    with (
        no_more_descriptors(),
        pytest.raises(ConfigError, match="cannot be .*files open|Too many open"),
    ):
        config.get("db")
    assert config["db"] == OPTIONS["db"]


def test_a_new_generation_that_is_damaged_is_not_taken_up(
    publisher: Publisher, config: Config
) -> None:
    """G4: what was taken up before is served until there is something whole."""
    assert config["db"] == OPTIONS["db"]
    publisher.publish(changed(db={"host": "new"}))
    segment = path_of(publisher.names.segment(2))
    whole = segment.read_bytes()
    segment.write_bytes(whole[:40] + b"\xff" + whole[41:])
    assert config["db"] == OPTIONS["db"]
    assert config.generation == 1
    with pytest.raises(SnapshotCorrupt, match="restart ddbcfg-daemon to publish it again"):
        ddbcfg_client.connect(publisher.names.namespace, "prod")
    segment.write_bytes(whole)
    assert await_next_try(config)["db"] == {"host": "new"}


def test_a_segment_that_was_removed_is_told_and_does_not_hang(
    publisher: Publisher, config: Config
) -> None:
    assert config["db"]
    path_of(publisher.names.segment(1)).unlink()
    assert config.get() == OPTIONS  # who has it keeps it
    with pytest.raises(SnapshotUnavailable, match="segment of generation 1 was removed"):
        ddbcfg_client.connect(publisher.names.namespace, "prod")


def test_a_generation_word_that_leads_nowhere_changes_nothing(
    publisher: Publisher, config: Config
) -> None:
    assert config["db"]
    for word in (2, 2**62, 2**63, 2**64 - 1, 0):
        set_word(path_of(publisher.names.page), GENERATION_WORD, word)
        assert config["db"] == OPTIONS["db"]
        assert config["größe"] == OPTIONS["größe"]


def test_who_has_a_snapshot_keeps_it_when_the_daemon_is_upgraded_first(
    publisher: Publisher,
) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    before = config.get("db")
    old = path_of(publisher.names.page)
    set_word(old, GENERATION_WORD, RETIRED | 1)
    fresh = old.with_name(f"{old.name}.fresh")
    fresh.write_bytes(old.read_bytes())
    fresh.chmod(0o640)
    set_word(fresh, LAYOUT_WORD, 3)
    fresh.replace(old)
    assert config.get("db") is before
    with pytest.raises(LayoutMismatch):
        ddbcfg_client.connect(publisher.names.namespace, "prod")


def test_a_pinned_snapshot_that_is_read_late_changes_nothing_for_the_current_one(
    publisher: Publisher,
) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    pinned = config.snapshot()
    publisher.publish(reading({"db": {"host": "new"}}))
    new = config["db"]
    assert pinned["db"] != new
    publisher.publish(reading({"db": {"host": "new"}, "more": {}}))
    assert config["db"] is new


def test_an_option_that_is_gone_is_forgotten(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    assert config["db"]
    publisher.publish(reading({"other": {}}))
    assert config.get("db", None) is None
    assert "db" not in config._memo._kept


def test_a_config_that_was_never_made_is_an_attribute_error_not_a_recursion() -> None:
    unmade = Config.__new__(Config)
    with pytest.raises(AttributeError):
        _ = unmade._names
    with pytest.raises(AttributeError):
        _ = unmade._view
