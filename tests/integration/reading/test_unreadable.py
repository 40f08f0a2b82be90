"""Nothing to read, or not for this process: typed errors that say what to do (G9)."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

import ddbcfg_client
from ddbcfg_client import connecting as connection
from ddbcfg_client.config import Config
from ddbcfg_client.errors import (
    LayoutMismatch,
    NothingPublished,
    SnapshotPermissionError,
    SnapshotUnavailable,
    UntrustedSegment,
)
from ddbcfg_client.format.names import Names
from ddbcfg_client.format.page import LAYOUT_WORD, PageStatus
from ddbcfg_client.shm.trust import Trust, _who_may_read
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.publisher import Publisher
from support.client_cli import running
from support.reading import OPTIONS, set_word
from support.shm import reading

NOBODY = 65534


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


def test_without_a_daemon_the_error_says_what_to_start(namespace: str) -> None:
    with pytest.raises(SnapshotUnavailable) as caught:
        ddbcfg_client.connect(namespace, "prod")
    # Between the two it lists the stores of this host, if there are any: another test may have one.
    what, _, how = str(caught.value).partition("on this host; ")
    assert what == f"no snapshot under /ddbcfg.{namespace}.prod: no daemon has published it "
    assert how.endswith(
        "start one with 'systemctl start ddbcfg-daemon' or "
        "'ddbcfg-daemon --table TABLE --store STORE'"
    )


def test_a_mistyped_store_is_answered_with_those_of_this_host(names: Names) -> None:
    publisher = Publisher(names)
    publisher.publish(reading(OPTIONS))
    with pytest.raises(NothingPublished) as caught:
        ddbcfg_client.connect(store="nope")
    text = str(caught.value)
    assert f"{names.namespace}/prod" in text.partition("; this host has ")[2]
    assert "name one of them (--table and --store" in text
    publisher.close()


def test_a_daemon_that_has_read_nothing_yet_is_told_with_its_error(names: Names) -> None:
    publisher = Publisher(names)
    publisher.report(running())
    with pytest.raises(SnapshotUnavailable, match="is running but has not read DynamoDB yet"):
        ddbcfg_client.connect(names.namespace, "prod")
    publisher.report(PageStatus(failures=1, error="table 'config': expired token"))
    with pytest.raises(SnapshotUnavailable, match="ended before .*expired token.*; start one"):
        ddbcfg_client.connect(names.namespace, "prod")
    publisher.close()


@pytest.mark.parametrize(
    "why", [{"error": "no space in /dev/shm", "failures": 1}, {"held": "empty"}]
)
def test_nobody_is_asked_to_start_a_daemon_that_runs(names: Names, why: dict[str, Any]) -> None:
    publisher = Publisher(names)
    publisher.report(running(**why))
    with pytest.raises(SnapshotUnavailable) as caught:
        ddbcfg_client.connect(names.namespace, "prod")
    reason = why.get("error") or why["held"]
    assert str(caught.value) == (
        f"no snapshot under {names.page}: its daemon has published nothing yet ({reason}); "
        "it retries by itself; connect(wait=) and --wait wait for it"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    publisher.close()


@pytest.mark.parametrize("early", [True, False], ids=["with a page", "without a page"])
def test_wait_waits_for_the_first_snapshot(
    names: Names, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    publishers = [Publisher(names)] if early else []

    def publish(*_: object) -> None:
        publishers.append(publishers.pop() if publishers else Publisher(names))
        publishers[0].publish(reading(OPTIONS))

    really_wait = Config.wait
    monkeypatch.setattr(Config, "wait", lambda *args: (publish(), really_wait(*args)))
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=publish)
    monkeypatch.setattr(connection, "time", clock)
    assert ddbcfg_client.connect(names.namespace, "prod", wait=30)["db"] == OPTIONS["db"]
    publishers[0].close()


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
    os.chown(page, -1, 0)
    _, _, text = read_as_nobody(publisher.names.namespace)
    assert "give its daemon a --group that this user is in (its group is root)" in text
    os.chown(page, -1, 1)
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
    if os.geteuid() == 0:
        os.chown(path_of(publisher.names.page), -1, 1)
    monkeypatch.setitem(sys.modules, "grp", None)
    error = SnapshotPermissionError(
        publisher.names.page, _who_may_read(publisher.names.page, Trust())
    )
    assert "ask the daemon's operator for its group" in str(error)


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
