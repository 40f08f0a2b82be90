"""A disk that hangs or is full holds nothing up (G4)."""

from __future__ import annotations

import errno
import logging
import os
import threading

import pytest

from ddbcfg_daemon.errors import NoSpace
from support.disk_copies import AWAY, OPTIONS, Host
from support.shm import reading


def test_a_disk_that_hangs_holds_up_nothing_and_is_seen(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.disk.copy_keeper._LONG", 0.0)
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._WRITE_PATIENCE", 0.01)
    hanging, release = threading.Event(), threading.Event()
    fsync = os.fsync

    def hang(fd: int) -> None:
        hanging.set()
        release.wait(30)
        fsync(fd)

    monkeypatch.setattr("ddbcfg_daemon.disk.disk_copy.os.fsync", hang)
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        for port in range(5):
            host.now = reading({"db": {"port": port}})
            assert host.refresher.poll() is None
            assert hanging.wait(20)
            assert host.config.get("db") == {"port": port}
    assert "the disk hangs" in host.refresher.copy_error
    assert "the disk hangs" in host.refresher.summary
    assert "the disk hangs" in (host.config.status().copy_error or "")
    assert caplog.text.count("the disk hangs") == 1
    release.set()
    assert host.copy.wait(20)
    assert not host.refresher.copy_error
    host.poll(reading({"db": {"port": 4}}))
    assert host.config.status().copy_error is None
    # Not each of them, but the last one.
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == {"port": 4}


def test_a_disk_that_is_full_keeps_the_copy_before_and_nothing_half_done(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.poll(reading(OPTIONS))
    before = host.file.read_bytes()

    def full(fd: int) -> None:
        # Where blocks are allocated late, as in ext4 and NFS, only now.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.disk.disk_copy.os.fsync", full)
        host.poll(reading({"db": {"port": 1}}))
    assert host.file.read_bytes() == before
    assert "No space left on device" in host.refresher.copy_error
    assert host.config.get("db") == {"port": 1}
    host.poll(reading({"db": {"port": 1}}))
    assert not host.refresher.copy_error
    host.boot()
    host.poll(AWAY)
    assert host.config.get("db") == {"port": 1}


def test_without_a_thread_for_the_copy_polls_go_on(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert host.poll(reading(OPTIONS)) is None
        assert "can't start new thread" in host.refresher.copy_error
    assert host.poll(reading(OPTIONS)) is None
    assert host.file.exists()


def test_a_disk_that_hangs_at_boot_does_not_hold_up_the_first_poll(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    release = threading.Event()
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._READ_PATIENCE", 0.01)
    monkeypatch.setattr(host.disk, "load", lambda: release.wait(30) and None)
    host.now = reading({"db": {}})
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        assert host.refresher.poll() is None
    assert host.config.get() == {"db": {}}
    assert "the disk hangs: not read in" in caplog.text
    release.set()
    assert host.copy.wait(20)


def test_a_copy_that_came_late_from_a_disk_that_hung_is_served_all_the_same(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    release, load = threading.Event(), host.disk.load
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._READ_PATIENCE", 0.01)
    monkeypatch.setattr(host.disk, "load", lambda: load() if release.wait(30) else None)
    host.now = AWAY
    with caplog.at_level(logging.WARNING, "ddbcfg"):
        for _ in range(3):
            assert host.refresher.poll() is AWAY
    assert caplog.text.count("the disk hangs") == 1
    release.set()
    assert host.copy.wait(20)
    host.poll(AWAY)
    assert host.config.get() == OPTIONS
    assert host.config.status().source == "disk"
    assert not host.refresher.copy_error


def test_a_copy_that_could_not_be_read_at_boot_is_looked_for_again(host: Host) -> None:
    host.poll(reading(OPTIONS))
    host.boot()
    host.folder.chmod(0o777)  # as a volume that is not mounted yet
    host.poll(AWAY)
    assert "can be written by others" in host.refresher.copy_error
    host.folder.chmod(0o700)
    host.poll(AWAY)
    assert host.config.get() == OPTIONS
    host.poll(reading({}))
    assert host.config.get() == OPTIONS  # and the guards compare with it
    assert "all of 3 options are gone" in host.config.status().held


def test_a_copy_without_room_in_shared_memory_is_still_what_guards_compare_with(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.poll(reading(OPTIONS))
    host.boot()

    def full(*_: object) -> None:
        raise NoSpace("segment", 1, 0, 0)

    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.publishing.segment_files.allocate", full)
        host.poll(reading({}))
        assert not host.refresher.ready
    host.poll(reading({}))
    assert host.config.get() == OPTIONS
    assert "all of 3 options are gone" in host.config.status().held
