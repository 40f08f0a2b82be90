"""The last generations are kept on disk: bounded, private, and holding nothing up (G4, G9)."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk import generations as module
from ddbcfg_daemon.disk.generations import Generations, Kept
from support.disk_copies import AWAY, Clocks, Host
from support.shm import reading


@pytest.fixture
def host(tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    made = Host(tmp_path, names, Clocks(monkeypatch), keep=3)
    yield made
    made.stop()


def of(host: Host) -> Generations:
    assert host.generations is not None
    return host.generations


def numbers(host: Host) -> list[int]:
    return [kept.generation for kept in host.copy.kept]


def files(host: Host) -> list[Path]:
    return sorted(of(host).path.iterdir())


def file_of(host: Host, kept: Kept) -> Path:
    return of(host).path / f"{kept.digest}.copy"


def ports(host: Host, *ports: int) -> None:
    for port in ports:
        assert host.poll(reading({"db": {"port": port}})) is None


def test_the_last_generations_are_kept_with_what_they_changed(host: Host) -> None:
    ports(host, 1)
    host.poll(reading({"db": {"port": 2}, "new": {}}))
    host.poll(reading({"new": {}}))
    newest, before, first = host.copy.kept
    assert newest.names == {"added": (), "changed": (), "removed": ("db",)}
    assert before.names == {"added": ("new",), "changed": ("db",), "removed": ()}
    assert [kept.options for kept in (newest, before, first)] == [1, 2, 1]
    assert newest.digest == host.config.digest
    # An uneventful poll writes nothing.
    written = file_of(host, newest).stat().st_mtime_ns
    host.poll(reading({"new": {}}))
    assert file_of(host, newest).stat().st_mtime_ns == written
    # The oldest one goes, and its file with it.
    ports(host, 4)
    assert numbers(host) == [4, 3, 2]
    assert not file_of(host, first).exists()
    assert len(files(host)) == 3


def test_a_daemon_finds_what_an_earlier_one_kept(host: Host) -> None:
    ports(host, 1, 2)
    host.boot()
    ports(host, 3)
    assert numbers(host) == [host.config.generation, 2, 1]
    copy = of(host).load(host.copy.kept[-1].digest)
    assert copy is not None
    assert copy.reading.options == reading({"db": {"port": 1}}).options


def test_a_content_that_comes_back_pushes_no_other_out(host: Host) -> None:
    ports(host, 1, 2, 3, 2, 3, 2, 3)
    assert [kept.numbers for kept in host.copy.kept] == [(7, 5, 3), (6, 4, 2), (1,)]


def test_a_reboot_that_serves_the_copy_pushes_no_other_out(host: Host) -> None:
    ports(host, 1, 2, 3)
    for _ in range(3):
        host.boot()
        host.poll(AWAY)
        ports(host, 3)
    assert [kept.numbers[-1] for kept in host.copy.kept] == [3, 2, 1]


def test_no_generations_are_kept_if_none_are_wanted(host: Host) -> None:
    ports(host, 1, 2)
    host.copy.limit(0)
    ports(host, 3)
    assert files(host) == []
    assert not host.refresher.copy_error


def test_many_bytes_are_fewer_generations(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    ports(host, 1)
    monkeypatch.setattr(module, "MOST_BYTES", host.copy.kept[0].size * 5 // 2)
    ports(host, 2, 3)
    assert numbers(host) == [3, 2]
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    ports(host, 4)
    assert numbers(host) == [4]


def test_only_the_daemons_user_can_read_them(host: Host) -> None:
    ports(host, 1)
    assert stat.S_IMODE(of(host).path.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in files(host)] == [0o600]


def test_what_a_killed_daemon_left_half_written_is_removed(host: Host) -> None:
    ports(host, 1)
    (half,) = files(host)
    half.with_name(f"{half.name}.new").write_bytes(b"half")
    host.boot()
    ports(host, 1)
    assert files(host) == [half]


def test_a_file_that_others_can_write_or_that_is_damaged_is_refused_and_seen(host: Host) -> None:
    ports(host, 1, 2)
    newest, oldest = host.copy.kept
    file_of(host, oldest).chmod(0o666)
    host.boot()
    ports(host, 2)
    assert [kept.digest for kept in host.copy.kept] == [newest.digest]
    assert "can be written by others" in host.refresher.copy_error
    file_of(host, oldest).chmod(0o600)
    raw = bytearray(file_of(host, oldest).read_bytes())
    raw[-1] ^= 1
    file_of(host, oldest).write_bytes(raw)
    with pytest.raises(ValueError, match="damaged"):
        of(host).load(oldest.digest)
    # A good one in the place of another.
    file_of(host, oldest).write_bytes(file_of(host, newest).read_bytes())
    of(host).look()
    assert "another content" in of(host).error
    with pytest.raises(ValueError, match="another content"):
        of(host).load(oldest.digest)


def test_a_full_disk_costs_generations_before_it_costs_the_copy(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports(host, 1, 2, 3)
    fsync, folder = os.fsync, of(host).path

    def full(fd: int) -> None:
        # There is room for three files, of the copy's size each.
        if len(list(folder.iterdir())) >= 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(fd)

    monkeypatch.setattr("ddbcfg_daemon.disk.copy_file.os.fsync", full)
    ports(host, 4)
    assert host.config.get("db") == {"port": 4}
    copy = host.disk.load()
    assert copy is not None
    assert copy.reading.options == reading({"db": {"port": 4}}).options
    assert "No space left on device" in host.refresher.copy_error  # the generation found no room
    monkeypatch.setattr("ddbcfg_daemon.disk.copy_file.os.fsync", fsync)
    ports(host, 4)
    assert numbers(host) == [4, 3, 2]
    assert not host.refresher.copy_error


def test_a_disk_that_hangs_at_a_generation_holds_up_nothing_and_is_seen(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ddbcfg_daemon.disk.copy_keeper._LONG", 0.0)
    monkeypatch.setattr("ddbcfg_daemon.disk.last_known_good._WRITE_PATIENCE", 0.01)
    hanging, release = threading.Event(), threading.Event()
    follow = of(host).follow

    def hang(*content: object) -> None:
        hanging.set()
        release.wait(30)
        follow(*content)  # type: ignore[arg-type]

    monkeypatch.setattr(of(host), "follow", hang)
    for port in range(3):
        host.now = reading({"db": {"port": port}})
        assert host.refresher.poll() is None
        assert hanging.wait(20)
    assert host.config.get("db") == {"port": 2}
    assert "the disk hangs" in host.refresher.copy_error
    release.set()
    assert host.copy.wait(20)
    assert host.copy.kept[0].digest == host.config.digest
