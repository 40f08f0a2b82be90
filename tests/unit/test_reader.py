"""Reading: every way the client offers, against a real publisher in real shared memory.

G2 (a pinned view is one generation), G3 (the next read sees the new one), G4 (what was taken up
stays), G7 (age and errors are told), G9 (only trusted owners are believed).
"""

from __future__ import annotations

import copy
import gc
import json
import multiprocessing
import operator
import os
import pickle
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client import Config
from ddbcfg_client import connecting as connection
from ddbcfg_client.errors import (
    ConfigError,
    LayoutMismatch,
    OptionAttributeError,
    OptionNotFound,
    SnapshotCorrupt,
    SnapshotPermissionError,
    SnapshotTooStale,
    SnapshotUnavailable,
    StoreNotNamed,
    UntrustedSegment,
)
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import GENERATION_WORD, LAYOUT_WORD, NEVER, RETIRED, PageStatus
from ddbcfg_client.hotpath import READER, hot
from ddbcfg_client.shm.host import published_stores
from ddbcfg_client.shm.status import process_start
from ddbcfg_client.shm.trust import Trust, _who_may_read
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.shm import reading
from support.waiting import wait_until

OPTIONS: dict[str, dict[str, Any]] = {
    "db": {"host": "db-cluster.com", "port": Decimal(27017)},
    "external-port": {"port": Decimal(443), "tls": True},
    "größe": {"limits": [Decimal("1.50"), None, {"a": b"\x00"}], "tags": {"x", "y"}},
    "nothing": {},
}
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture
def publisher(names: Names) -> Iterator[Publisher]:
    """A publisher that has published OPTIONS."""
    publisher = Publisher(names)
    publisher.publish(reading(OPTIONS))
    yield publisher
    publisher.close()


@pytest.fixture
def config(publisher: Publisher) -> Config:
    """A reader of what it published."""
    return ddbcfg_client.connect(publisher.names.namespace, "prod")


def changed(**options: dict[str, Any]) -> Any:
    """A reading of OPTIONS with some of them changed."""
    return reading(OPTIONS | options)


def boottime() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def set_word(path: Any, word: int, value: int) -> None:
    with path.open("r+b") as page:
        page.seek(word * 8)
        page.write(value.to_bytes(8, sys.byteorder))


# --- the ways of reading -------------------------------------------------------------------------


def test_get_returns_the_keys_of_an_option(config: Config) -> None:
    for name, option in OPTIONS.items():
        assert config.get(name) == option
        assert config[name] == option


def test_get_with_keys_returns_those_that_the_option_has(config: Config) -> None:
    assert config.get("db", keys=["host"]) == {"host": "db-cluster.com"}
    assert config.get("db", keys=["port", "no-such"]) == {"port": Decimal(27017)}
    assert config.get("db", keys=[]) == {}
    assert config.get("nope", None, keys=["host"]) is None


def test_get_without_an_option_returns_every_option_in_order(config: Config) -> None:
    assert config.get() == OPTIONS
    assert list(config.get()) == sorted(OPTIONS)
    assert config.get()["db"] is config.get("db")


@pytest.mark.parametrize("read", [Config.get, Config.__getitem__, getattr])
def test_an_option_that_is_not_there_is_a_key_error_that_names_it(
    config: Config, read: Callable[[Config, str], Any]
) -> None:
    with pytest.raises(OptionNotFound, match="store 'prod' has no option 'nope'") as caught:
        read(config, "nope")
    assert isinstance(caught.value, KeyError)
    assert (caught.value.option, caught.value.store) == ("nope", "prod")


def test_a_default_stands_in_for_a_missing_option_only(config: Config) -> None:
    default = object()
    assert config.get("nope", None) is None
    assert config.get("nope", default) is default
    assert config.get("nope", default=default) is default
    assert config.get("nothing", default) == {}


@pytest.mark.parametrize("name", [1, b"db", ["db"], {}, None, "\ud800", ""])
def test_what_cannot_be_an_options_name_is_none(config: Config, name: Any) -> None:
    with pytest.raises(OptionNotFound):
        config[name]
    if name is not None:
        assert config.get(name, "default") == "default"


def test_the_attribute_style(config: Config) -> None:
    assert config.db is config.get("db")
    assert getattr(config, "external-port") is config.get("external-port")
    assert not hasattr(config, "nope")
    assert getattr(config, "nope", 7) == 7
    with pytest.raises(OptionAttributeError) as caught:
        _ = config.nope
    assert isinstance(caught.value, AttributeError)


def test_python_asking_for_a_dunder_name_is_not_answered_from_the_store(
    publisher: Publisher, config: Config
) -> None:
    publisher.publish(changed(__length_hint__={"x": "1"}))
    with pytest.raises(AttributeError) as caught:
        config.__length_hint__  # noqa: B018
    assert not isinstance(caught.value, ConfigError)
    assert config["__length_hint__"] == {"x": "1"}


def test_membership_length_and_iteration(config: Config) -> None:
    assert "db" in config
    assert "nope" not in config
    assert 5 not in config
    assert len(config) == 4
    assert list(config) == ["db", "external-port", "größe", "nothing"]


def test_every_read_returns_the_same_read_only_object(config: Config) -> None:
    option = config.get("größe")
    assert config["größe"] is option
    assert config.snapshot()["größe"] is option
    with pytest.raises(TypeError, match="cannot be changed"):
        option["tags"].add("z")
    assert json.dumps(config.get("db")["host"]) == '"db-cluster.com"'


def test_a_store_without_options_is_empty_and_not_an_error(
    publisher: Publisher, config: Config
) -> None:
    publisher.publish(reading({}))
    assert (len(config), list(config), config.get(), "db" in config) == (0, [], {}, False)
    with pytest.raises(OptionNotFound):
        config.get("db")


def test_a_config_tells_whose_it_is_but_no_value(config: Config) -> None:
    config.get()
    assert repr(config) == f"<ddbcfg Config {config.namespace}/prod>"
    assert repr(config.snapshot()) == "<Snapshot of 'prod', generation 1, 4 options>"
    assert config.store == "prod"


# --- a new generation ----------------------------------------------------------------------------

WAYS: dict[str, Callable[[Config], object]] = {
    "get": lambda config: config.get("new"),
    "get with keys": lambda config: config.get("new", keys=["x"]),
    "get everything": lambda config: config.get()["new"],
    "[]": lambda config: config["new"],
    "attribute": lambda config: config.new,
    "in": lambda config: "new" in config,
    "len": lambda config: len(config) == 5,
    "iter": lambda config: "new" in list(config),
    "snapshot": lambda config: config.snapshot()["new"],
    "generation": lambda config: config.generation == 2,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_the_very_next_read_sees_a_new_generation(
    publisher: Publisher, config: Config, way: Callable[[Config], object]
) -> None:
    for _ in range(40):  # well into the hot path
        assert config.get("db") == OPTIONS["db"]
    publisher.publish(changed(new={"x": "1"}))
    assert way(config)


def test_an_option_that_did_not_change_stays_the_same_object(
    publisher: Publisher, config: Config
) -> None:
    before = config.get()
    publisher.publish(changed(db={"host": "other"}, new={}))
    assert config["db"] == {"host": "other"}
    for name in ("external-port", "größe", "nothing"):
        assert config[name] is before[name]
    assert config.get()["größe"] is before["größe"]
    publisher.publish(changed(new={}))
    assert config["größe"] is before["größe"]
    assert config["db"] == before["db"]


def test_an_option_that_went_away_is_gone(publisher: Publisher, config: Config) -> None:
    assert config["db"]
    publisher.publish(reading({"other": {}}))
    assert "db" not in config
    with pytest.raises(OptionNotFound):
        config.get("db")


def test_a_pinned_snapshot_stays_its_generation_while_it_is_held(
    publisher: Publisher, config: Config
) -> None:
    pinned = config.snapshot()
    read_early = pinned["db"]
    digest = pinned.digest
    for number in range(3):
        publisher.publish(reading({"db": {"number": str(number)}}))
    assert config.generation == 4
    assert config.get() == {"db": {"number": "2"}}
    # What was not decoded yet is there all the same.
    assert pinned["db"] is read_early
    assert dict(pinned) == OPTIONS
    assert (pinned.generation, pinned.digest, len(pinned)) == (1, digest, 4)


def test_a_snapshot_is_a_read_only_mapping(config: Config) -> None:
    snapshot = config.snapshot()
    assert isinstance(snapshot, Mapping)
    assert snapshot == OPTIONS
    assert list(snapshot) == sorted(OPTIONS)
    assert snapshot.get("nope") is None
    assert snapshot.get("db") is snapshot["db"]
    assert not hasattr(snapshot, "__setitem__")
    with pytest.raises(OptionNotFound):
        snapshot["nope"]


# --- what is told about the snapshot -------------------------------------------------------------


def test_generation_and_digest_tell_the_content(publisher: Publisher, config: Config) -> None:
    first = config.digest
    assert config.generation == 1
    publisher.publish(changed(db={}))
    assert config.generation == 2
    assert config.digest != first
    publisher.publish(reading(OPTIONS))
    assert (config.generation, config.digest) == (3, first)


def test_the_same_content_is_no_new_generation(publisher: Publisher, config: Config) -> None:
    assert publisher.publish(reading(dict(reversed(OPTIONS.items())))) is False
    assert config.generation == 1


def test_age_counts_from_the_last_successful_poll(publisher: Publisher, config: Config) -> None:
    assert config.age == pytest.approx(0, abs=2)  # no poll was reported yet: since it was read
    publisher.report(PageStatus(success=boottime() - 7_000_000_000))
    assert config.age == pytest.approx(7, abs=2)
    publisher.report(PageStatus(success=boottime() + 60_000_000_000))
    assert config.age is None  # a time to come is none


READS: dict[str, Callable[[Config], object]] = {
    "get": lambda config: config.get("db"),
    "get with default": lambda config: config.get("nope", None),
    "get everything": lambda config: config.get(),
    "[]": lambda config: config["db"],
    "attribute": lambda config: config.db,
    "in": lambda config: "db" in config,
    "len": len,
    "iter": iter,
    "snapshot": lambda config: config.snapshot(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_a_read_past_max_age_is_refused_and_one_before_is_not(
    publisher: Publisher, read: Callable[[Config], object]
) -> None:
    publisher.report(PageStatus(success=boottime() - 59_500_000_000))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=60)
    refused = None
    while refused is None:
        age = config.age
        assert age is not None
        assert age < 65
        try:
            read(config)
        except SnapshotTooStale as error:
            refused = error
        else:
            assert age <= 60.02  # the hot path's clock is some ms late
    assert "the age of its snapshot is 60." in str(refused)
    assert (refused.store, refused.max_age) == ("prod", 60)
    assert config.generation == 1
    publisher.report(PageStatus(success=boottime()))
    read(config)


def test_an_age_that_grows_at_once_is_seen_within_a_second(publisher: Publisher) -> None:
    """As when a daemon that was started anew serves the copy on disk, or the host slept."""
    publisher.report(PageStatus(success=boottime()))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=60)
    config.get("db")
    publisher.report(PageStatus(success=boottime() - 61_000_000_000))

    def read_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            config.get("db")

    with pytest.raises(SnapshotTooStale):
        read_for(1.5)


def test_an_unknown_age_is_past_every_max_age(publisher: Publisher) -> None:
    publisher.publish(replace(reading({"db": {}}), read_boottime=NEVER))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=1e9)
    with pytest.raises(SnapshotTooStale, match="is unknown"):
        config.get("db")


def test_old_data_is_served_without_max_age(publisher: Publisher, config: Config) -> None:
    publisher.report(PageStatus(success=1))
    assert config.get("db") == OPTIONS["db"]


def test_status_tells_how_the_daemon_fares(publisher: Publisher, config: Config) -> None:
    publisher.report(
        PageStatus(
            interval=30_000_000_000,
            success=boottime() - 3_000_000_000,
            success_unix=1_700_000_000_500_000_000,
            polls=9,
            failures=2,
            skipped=1,
            source="local",
            daemon_pid=os.getpid(),
            daemon_start=process_start(os.getpid()),
            error="DynamoDB is away",
        )
    )
    status = config.status()
    assert (status.namespace, status.store, status.page) == (
        publisher.names.namespace,
        "prod",
        publisher.names.page,
    )
    assert (status.generation, status.digest, status.options) == (1, config.digest, 4)
    assert status.bytes == path_of(publisher.names.segment(1)).stat().st_size
    assert (status.interval, status.polls, status.failures, status.skipped) == (30, 9, 2, 1)
    assert (status.source, status.error) == ("local", "DynamoDB is away")
    assert (status.daemon, status.daemon_pid) == ("running", os.getpid())
    assert status.polled_at == 1_700_000_000.5
    assert status.age == pytest.approx(3, abs=2)
    assert status.read_at == pytest.approx(time.time(), abs=60)
    assert json.loads(json.dumps(status.to_dict())) == status.to_dict()


def test_status_tells_a_daemon_that_stopped_from_one_that_was_killed(
    publisher: Publisher, config: Config
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = process_start(child.pid)
        assert start
        publisher.report(PageStatus(daemon_pid=child.pid, daemon_start=start))
        assert config.status().daemon == "running"
        child.kill()
        # Killed but not yet waited for, it still has its entry in /proc.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert config.status().daemon == "gone"
    assert config.status().daemon == "gone"
    publisher.close()
    assert (config.status().daemon, config.status().daemon_pid) == ("stopped", None)


def test_a_pid_without_its_start_time_is_believed_of_nobody(
    publisher: Publisher, config: Config
) -> None:
    publisher.report(PageStatus(daemon_pid=2**22 + 1, daemon_start=0))
    assert config.status().daemon == "gone"


def test_status_is_there_before_the_first_snapshot(names: Names) -> None:
    publisher = Publisher(names)
    publisher.report(PageStatus(failures=1, error="no such table"))
    with pytest.raises(SnapshotUnavailable):
        ddbcfg_client.connect(names.namespace, "prod")
    config = Config(names, connection.trust_in(None))
    status = config.status()
    assert (status.generation, status.digest, status.error) == (0, None, "no such table")
    publisher.publish(reading(OPTIONS))
    assert (config.status().generation, config["db"]) == (1, OPTIONS["db"])
    publisher.close()


# --- nothing to read, or not for this process ----------------------------------------------------


def test_without_a_daemon_the_error_says_what_to_start(namespace: str) -> None:
    with pytest.raises(SnapshotUnavailable) as caught:
        ddbcfg_client.connect(namespace, "prod")
    assert str(caught.value) == (
        f"no snapshot under /ddbcfg.{namespace}.prod: no daemon has published it on this host; "
        "start one with 'systemctl start ddbcfg-daemon' or "
        "'ddbcfg-daemon --table TABLE --store STORE'"
    )


def test_a_daemon_that_has_read_nothing_yet_is_told_with_its_error(names: Names) -> None:
    publisher = Publisher(names)
    publisher.report(PageStatus(daemon_pid=os.getpid()))
    with pytest.raises(SnapshotUnavailable, match="is running but has not read DynamoDB yet"):
        ddbcfg_client.connect(names.namespace, "prod")
    publisher.report(PageStatus(failures=1, error="table 'config': expired token"))
    with pytest.raises(SnapshotUnavailable, match="could not read DynamoDB yet .*expired token"):
        ddbcfg_client.connect(names.namespace, "prod")
    publisher.close()


def test_wait_waits_for_the_first_snapshot(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(names)
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            publisher.publish(reading(OPTIONS))

    clock = SimpleNamespace(monotonic=lambda: float(len(looks)), sleep=sleep)
    monkeypatch.setattr(connection, "time", clock)
    assert ddbcfg_client.connect(names.namespace, "prod", wait=5)["db"] == OPTIONS["db"]
    assert len(looks) == 3
    assert max(looks) < 1
    publisher.close()


def test_wait_ends_with_the_reason(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    monkeypatch.setattr(connection, "time", clock)
    with pytest.raises(SnapshotUnavailable):
        ddbcfg_client.connect(namespace, "prod", wait=2)
    assert now[0] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("version", "older"), [(3, "client"), (1, "daemon")])
def test_another_layout_is_named_with_what_to_upgrade(
    publisher: Publisher, version: int, older: str
) -> None:
    set_word(path_of(publisher.names.page), LAYOUT_WORD, version)
    with pytest.raises(LayoutMismatch) as caught:
        ddbcfg_client.connect(publisher.names.namespace, "prod")
    assert (caught.value.found, caught.value.understood) == (version, 2)
    assert f"has layout version {version}, this client reads 2" in str(caught.value)
    assert str(caught.value).endswith(f"upgrade the {older}")


AS_NOBODY = """
import grp, json, os, pickle, pwd, sys
import ddbcfg_client, ddbcfg_client.shm.status
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    answer = ddbcfg_client.connect(sys.argv[1], "prod").get("db")["host"]
except ddbcfg_client.ConfigError as error:
    answer = [type(error).__name__, isinstance(error, PermissionError), str(error)]
print(json.dumps(answer))
"""


def read_as_nobody(namespace: str) -> Any:
    command = [sys.executable, "-c", AS_NOBODY, namespace]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@needs_root
def test_a_reader_without_permission_is_told_which_group_to_join(publisher: Publisher) -> None:
    page = path_of(publisher.names.page)
    group = page.group()
    kind, is_permission_error, text = read_as_nobody(publisher.names.namespace)
    assert (kind, is_permission_error) == ("SnapshotPermissionError", True)
    assert f"join the group {group!r} (systemd: SupplementaryGroups={group})" in text
    page.chmod(0o600)
    _, _, text = read_as_nobody(publisher.names.namespace)
    assert "give its daemon another --mode or --group (its mode is 0600)" in text
    # The page may be read, the segment not.
    page.chmod(0o644)
    kind, _, text = read_as_nobody(publisher.names.namespace)
    assert kind == "SnapshotPermissionError"
    assert publisher.names.segment(1) in text
    path_of(publisher.names.segment(1)).chmod(0o644)
    assert read_as_nobody(publisher.names.namespace) == "db-cluster.com"


def test_who_is_refused_is_told_so_without_the_library_too(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gave up root may not be let read that either, and has to get a typed error."""
    monkeypatch.setitem(sys.modules, "grp", None)
    error = SnapshotPermissionError(
        publisher.names.page, _who_may_read(publisher.names.page, Trust())
    )
    assert "ask who runs the daemon for its group" in str(error)


def test_a_permission_error_is_pythons_own_too() -> None:
    assert issubclass(SnapshotPermissionError, PermissionError)


@needs_root
@pytest.mark.parametrize("which", ["page", "segment"])
def test_only_a_trusted_owner_is_believed(
    publisher: Publisher, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = publisher.names
    os.chown(path_of(names.page if which == "page" else names.segment(1)), NOBODY, -1)
    with pytest.raises(
        UntrustedSegment, match=r"belongs to nobody \(uid 65534\).*DDBCFG_OWNER=nobody"
    ):
        ddbcfg_client.connect(names.namespace, "prod")
    with pytest.raises(UntrustedSegment):
        ddbcfg_client.connect(names.namespace, "prod", owner="no-such-user")
    for owner in (NOBODY, str(NOBODY), "nobody"):
        assert ddbcfg_client.connect(names.namespace, "prod", owner=owner)["db"]
    monkeypatch.setenv("DDBCFG_OWNER", "nobody")
    assert ddbcfg_client.connect(names.namespace, "prod")["db"]


@pytest.mark.parametrize("which", ["page", "segment"])
@pytest.mark.parametrize("mode", [0o660, 0o642])
def test_what_others_can_write_is_not_believed(publisher: Publisher, which: str, mode: int) -> None:
    names = publisher.names
    path_of(names.page if which == "page" else names.segment(1)).chmod(mode)
    with pytest.raises(UntrustedSegment, match=f"mode {mode:04o} lets others than its owner write"):
        ddbcfg_client.connect(names.namespace, "prod")


@pytest.mark.parametrize("kind", ["symlink", "directory", "FIFO"])
@pytest.mark.parametrize("which", ["page", "segment"])
def test_another_kind_of_file_is_not_believed(publisher: Publisher, which: str, kind: str) -> None:
    names = publisher.names
    path = path_of(names.page if which == "page" else names.segment(1))
    path.unlink()
    if kind == "symlink":
        path.symlink_to("/etc/hostname")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path, 0o600)
    try:
        with pytest.raises(UntrustedSegment, match="another kind of file"):
            ddbcfg_client.connect(names.namespace, "prod")
    finally:
        if kind == "directory":
            path.rmdir()


# --- which store ---------------------------------------------------------------------------------


@pytest.fixture
def alone(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on which only this test publishes."""

    def mine(trust: Trust) -> tuple[list[Names], list[UntrustedSegment]]:
        stores, refused = published_stores(trust)
        return [names for names in stores if names.namespace == namespace], [
            error for error in refused if f".{namespace}." in error.name
        ]

    monkeypatch.setattr(connection, "published_stores", mine)


@contextmanager
def published(namespace: str, *stores: str) -> Iterator[None]:
    publishers = [Publisher(Names(namespace, store)) for store in stores]
    for publisher in publishers:
        publisher.publish(reading({"name": {"is": publisher.names.store}}))
    yield
    for publisher in publishers:
        publisher.close()


@pytest.mark.usefixtures("alone")
def test_the_one_store_of_a_host_need_not_be_named(namespace: str) -> None:
    with published(namespace, "prod.eu 1"):
        config = ddbcfg_client.connect()
        assert (config.namespace, config.store) == (namespace, "prod.eu 1")
        assert config["name"] == {"is": "prod.eu 1"}


@pytest.mark.usefixtures("alone")
def test_of_several_stores_one_has_to_be_named(namespace: str) -> None:
    with published(namespace, "prod", "test"):
        with pytest.raises(StoreNotNamed) as caught:
            ddbcfg_client.connect()
        assert sorted(caught.value.published) == [(namespace, "prod"), (namespace, "test")]
        assert f"this host has {namespace}/prod, {namespace}/test" in str(caught.value)
        assert ddbcfg_client.connect(store="test")["name"] == {"is": "test"}
        with pytest.raises(StoreNotNamed):
            ddbcfg_client.connect(namespace)


@pytest.mark.usefixtures("alone")
def test_on_a_host_without_stores_the_error_says_what_to_start(namespace: str) -> None:
    for arguments in ((), (namespace,), (None, "prod")):
        with pytest.raises(StoreNotNamed, match="systemctl start ddbcfg-daemon") as caught:
            ddbcfg_client.connect(*arguments)
        assert caught.value.published == []


@pytest.mark.usefixtures("alone")
def test_wait_waits_for_a_store_to_appear(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publishers: list[Publisher] = []

    def sleep(_: float) -> None:
        publishers.append(Publisher(Names(namespace, "prod")))
        publishers[0].publish(reading(OPTIONS))

    monkeypatch.setattr(connection, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
    assert ddbcfg_client.connect(wait=5)["db"] == OPTIONS["db"]
    publishers[0].close()


def test_variables_name_the_store(namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with published(namespace, "prod", "test"):
        monkeypatch.setenv("DDBCFG_TABLE", namespace)
        monkeypatch.setenv("DDBCFG_STORE", "test")
        assert ddbcfg_client.connect()["name"] == {"is": "test"}
        assert ddbcfg_client.connect(store="prod")["name"] == {"is": "prod"}
        # A namespace that is not the table's name.
        monkeypatch.setenv("DDBCFG_NAMESPACE", namespace)
        monkeypatch.setenv("DDBCFG_TABLE", "some-table")
        assert ddbcfg_client.connect()["name"] == {"is": "test"}
        assert ddbcfg_client.connect("table")["name"] == {"is": "test"}
        monkeypatch.delenv("DDBCFG_NAMESPACE")
        assert ddbcfg_client.connect(namespace=namespace)["name"] == {"is": "test"}
        with pytest.raises(SnapshotUnavailable, match=r"/ddbcfg\.some-table\.test"):
            ddbcfg_client.connect()
        monkeypatch.setenv("DDBCFG_TABLE", "")  # an empty variable is none
        monkeypatch.setenv("DDBCFG_NAMESPACE", namespace)
        monkeypatch.setenv("DDBCFG_OWNER", "")
        assert ddbcfg_client.connect()["name"] == {"is": "test"}


def test_a_table_with_a_long_name_is_found_by_it(namespace: str) -> None:
    table = f"{namespace}.{'long-' * 40}"
    names = Names(table, "prod")
    publisher = Publisher(names)
    publisher.publish(reading(OPTIONS))
    try:
        assert ddbcfg_client.connect(table)["db"] == OPTIONS["db"]
    finally:
        publisher.remove()


# --- letting go, and handing over ----------------------------------------------------------------


def test_after_close_the_next_read_attaches_again(publisher: Publisher, config: Config) -> None:
    assert config["db"]
    config.close()
    config.close()
    publisher.publish(changed(db={"host": "new"}))
    assert config["db"] == {"host": "new"}
    with config as same:
        assert same["db"] == {"host": "new"}
    assert config.get("db") == {"host": "new"}


def test_close_lets_go_of_every_descriptor(config: Config) -> None:
    config.get()
    before = len(os.listdir("/proc/self/fd"))
    config.close()
    released = before - len(os.listdir("/proc/self/fd"))
    assert released >= 1
    config.get()
    assert len(os.listdir("/proc/self/fd")) == before


class Named(StrEnum):
    """Names of options, as programs collect them."""

    DB = "db"
    NOPE = "nope"


def test_a_name_may_be_of_a_subclass_and_is_not_kept(publisher: Publisher, config: Config) -> None:
    assert config[Named.DB] is config.get(Named.DB) is getattr(config, Named.DB) is config["db"]
    assert config.get(Named.NOPE, None) is None
    assert not hasattr(config, Named.NOPE)
    assert Named.DB in config
    snapshot = config.snapshot()
    kept = [*snapshot.decoded, *snapshot._absent, *snapshot._memo._kept]
    assert {type(name) for name in kept} == {str}
    publisher.publish(changed(db={"host": "new"}))
    assert config["db"] is config[Named.DB] == {"host": "new"}


def test_many_generations_leave_no_descriptor_behind(publisher: Publisher, config: Config) -> None:
    config.get()
    gc.collect()  # now: readers of earlier tests that are collected later would free descriptors
    before = len(os.listdir("/proc/self/fd"))
    for number in range(200):
        publisher.publish(reading({"db": {"number": str(number)}}))
        assert config["db"] == {"number": str(number)}
    publisher.verify()  # until then it keeps the last one that was replaced
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_pickled_config_attaches_by_itself_in_a_spawned_process(
    publisher: Publisher, config: Config
) -> None:
    config.get()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        first = pool.submit(operator.itemgetter("db", "größe"), config).result(30)
        publisher.publish(changed(db={"host": "new"}))
        second = pool.submit(operator.attrgetter("generation", "db"), config).result(30)
    assert first == (OPTIONS["db"], OPTIONS["größe"])
    assert second == (2, {"host": "new"})


def test_pickling_keeps_max_age_and_owner(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod", max_age=5, owner="nobody")
    again = pickle.loads(pickle.dumps(config))
    assert again._max_age == 5
    assert again._trust._owner == "nobody"
    publisher.report(PageStatus(success=boottime() - 6_000_000_000))
    with pytest.raises(SnapshotTooStale):
        again.get("db")


def test_copying_a_value_that_was_read_gives_plain_python(config: Config) -> None:
    plain = pickle.loads(pickle.dumps(config.get()))
    assert plain == OPTIONS
    assert type(plain["größe"]["limits"]) is list


def test_configs_that_go_leave_no_descriptor_behind_without_a_collector(
    publisher: Publisher,
) -> None:
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    gc.disable()
    try:
        for _ in range(10):
            mine = ddbcfg_client.connect(publisher.names.namespace, "prod")
            assert mine.get("db") is mine.db is mine["db"]
            del mine
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        gc.enable()


def test_names_that_were_read_as_attributes_do_not_pile_up(publisher: Publisher) -> None:
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    before = sum(len(vars(kind)) for kind in type(config).__mro__)
    for number in range(3):
        names = [f"option_{number}_{one}" for one in range(200)]
        publisher.publish(reading({name: {"n": 1} for name in names}))
        for name in names:
            assert getattr(config, name) is config[name]
    kept = sum(len(vars(kind)) for kind in type(config).__mro__) - before
    assert kept <= (hot._REMEMBERED_AT_MOST if READER == "python" else 0)


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "pickle in Python, protocol 2": lambda value: pickle._loads(pickle._dumps(value, 2)),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_snapshot_is_a_plain_dict_and_leaves_the_snapshot_whole(
    config: Config, copied: Callable[[Any], Any]
) -> None:
    pinned = config.snapshot()
    again = copied(pinned)
    assert type(again) is dict
    assert again == OPTIONS
    del again
    gc.collect()
    assert pinned["größe"] == OPTIONS["größe"]
    assert dict(pinned) == OPTIONS


def test_a_deep_copy_of_a_snapshot_is_the_copiers_own(config: Config) -> None:
    mine = copy.deepcopy(config.snapshot())
    mine["größe"]["limits"].append("mine")
    assert config.get("größe") == OPTIONS["größe"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_open_segment_is_not_copied(config: Config, copied: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="cannot be copied"):
        copied(config.snapshot()._segment)


class Slotted(Config):
    __slots__ = ("limit", "unset")

    def __init__(self, name: str) -> None:  # other arguments than Config has
        super().__init__(Names("config", name), Trust(), max_age=5)
        self.limit = [name]


class Open(Slotted):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.pool = {"of": name}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", [Slotted, Open])
def test_a_copy_of_a_subclass_keeps_class_and_attributes(
    kind: type[Slotted], copied: Callable[[Any], Any]
) -> None:
    config = kind("prod")
    again = copied(config)
    assert type(again) is kind
    assert (again.namespace, again.store, again._max_age) == ("config", "prod", 5)
    assert again.limit == ["prod"]
    assert getattr(config, "__dict__", None) == getattr(again, "__dict__", None)
    with pytest.raises(AttributeError):
        Slotted.unset.__get__(again)  # type: ignore[attr-defined]


# --- when something stands in the way of a new generation ----------------------------------------


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
    with pytest.raises(SnapshotCorrupt, match="restart ddbcfg-daemon to publish it anew"):
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


# --- an empty store ------------------------------------------------------------------------------


def test_a_store_without_options_is_published_like_any_other(publisher: Publisher) -> None:
    publisher.publish(reading({}))
    config = ddbcfg_client.connect(publisher.names.namespace, "prod")
    assert (config.generation, len(config), config.get()) == (2, 0, {})
    status = config.status()
    assert (status.generation, status.published, status.options) == (2, 2, 0)
    assert status.digest == config.digest
    assert status.read_at is not None
