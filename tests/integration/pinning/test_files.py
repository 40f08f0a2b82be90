"""Pins and their files: removed, damaged, of another daemon, on a failing disk (G4)."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from ddbcfg_daemon.pinning.pinned import PinHolds
from support.disk_copies import AWAY, Host
from support.pinning import ask, listed, pin, port, push, served, unpin
from support.shm import reading


def folder_of(host: Host) -> Path:
    assert host.generations is not None
    return host.generations.path


def restart(host: Host, keep: int) -> None:
    host.stop()
    host.keep = keep
    host.start()


def test_generations_that_somebody_removed_are_not_listed(host: Host) -> None:
    push(host, 1, 2, 3)
    shutil.rmtree(folder_of(host))
    assert listed(host) == [(3, True, False)]
    assert "does not have generation 1; it has 3 (" in pin(host, generation=1).why
    # The next ones are kept again.
    push(host, 4)
    assert listed(host) == [(4, True, False)]
    assert not host.refresher.copy_error


def test_a_folder_that_is_not_trusted_is_said_by_who_asks_and_what_is_published_is_pinned(
    host: Host,
) -> None:
    push(host, 1, 2)
    folder_of(host).chmod(0o777)
    response = ask(host, "generations")
    assert "can be written by others" in response.why
    assert "can be written by others" in pin(host, generation=1).why
    assert pin(host, generation=2).pinned == 2
    assert pin(host).pinned == 2


def test_a_generation_whose_content_is_damaged_is_not_pinned(host: Host) -> None:
    push(host, 1, 2)
    file = folder_of(host) / f"{host.copy.kept[1].digest}.copy"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    why = pin(host, generation=1).why
    assert "damaged" in why
    assert str(file) in why
    assert (served(host), host.config.status().pinned) == (2, 0)
    assert not host.copy.pin_file.path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a file to another user")
def test_a_generation_that_another_user_owns_is_not_pinned(host: Host) -> None:
    push(host, 1, 2)
    file = folder_of(host) / f"{host.copy.kept[1].digest}.copy"
    os.chown(file, 65534, 65534)
    assert pin(host, generation=1).refused == "refused"
    assert host.config.status().pinned == 0


def test_daemons_that_keep_other_numbers_leave_the_pin(host: Host) -> None:
    push(host, 1, 2, 3)
    pin(host, generation=1)
    restart(host, keep=0)
    assert isinstance(host.poll(reading(port(3))), PinHolds)
    assert served(host) == 1
    assert list(folder_of(host).iterdir()) == []
    host.boot()
    host.poll(AWAY)
    assert served(host) == 1
    restart(host, keep=20)
    push(host, 3)
    assert served(host) == 1
    unpin(host)
    push(host, 3)
    assert served(host) == 3
    assert [number for number, _, _ in listed(host)] == [6, 5]


def test_what_an_earlier_daemon_published_can_be_pinned(host: Host) -> None:
    push(host, 1, 2)
    restart(host, keep=3)
    host.poll(AWAY)  # this one has published nothing
    assert pin(host).pinned == 2
    assert pin(host, generation=1).pinned == 1
    assert served(host) == 1
    restart(host, keep=3)
    assert pin(host, generation=2).pinned == 2
    assert isinstance(host.poll(reading(port(3))), PinHolds)
    assert served(host) == 2


@pytest.mark.parametrize("before", ["nothing", "a pin"])
@pytest.mark.parametrize("ends", ["pin", "unpin"])
def test_what_a_disk_did_although_it_failed_is_undone(
    host: Host, monkeypatch: pytest.MonkeyPatch, ends: str, before: str
) -> None:
    """The folder cannot be synced after the record was replaced or removed."""
    push(host, 1, 2)
    if before == "a pin":
        pin(host, generation=1)
    fsync = os.fsync

    def fails(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(fd)

    with monkeypatch.context() as patch:
        patch.setattr("ddbcfg_daemon.disk.copy_file.os.fsync", fails)
        response = pin(host, generation=2) if ends == "pin" else unpin(host)
        assert "Input/output error" in response.why
        assert host.copy.wait(20)
    pinned = 1 if before == "a pin" else 0
    assert host.config.status().pinned == pinned
    push(host, 3, 3)  # the first one finds that the disk still failed when that was undone
    assert not host.refresher.copy_error
    host.boot()
    push(host, 3)
    assert host.config.status().pinned == pinned
    assert served(host) == (1 if pinned else 3)


@pytest.mark.parametrize("pinned", [True, False])
def test_a_record_that_could_not_be_read_is_read_when_the_folder_is_mended(
    host: Host, caplog: pytest.LogCaptureFixture, *, pinned: bool
) -> None:
    push(host, 1, 2)
    if pinned:
        pin(host, generation=1)
    host.boot()
    host.folder.chmod(0o777)  # anyone could have written what is in it
    push(host, 3, 3)
    assert (served(host), host.config.status().pinned) == (3, 0)
    assert "can be written by others" in host.refresher.copy_error
    assert caplog.text.count("the record of what is pinned cannot be read") == 1
    host.folder.chmod(0o755)
    push(host, 3)
    assert served(host) == (1 if pinned else 3)
    assert not host.refresher.copy_error


def test_a_disk_full_of_generations_has_room_for_a_pin(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(host, 1, 2, 3)
    fsync = os.fsync

    def full(fd: int) -> None:
        # There is room for four files, of the copy's size each.
        if sum(path.is_file() for path in host.folder.rglob("*")) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(fd)

    monkeypatch.setattr("ddbcfg_daemon.disk.copy_file.os.fsync", full)
    # The oldest ones make room, also for what is pinned, and for the copy of it.
    response = pin(host, generation=1)
    assert (response.refused, response.pinned) == ("", 1), response.why
    assert served(host) == 1
    assert host.copy.wait(20)
    assert [number for number, _, _ in listed(host)] == [4, 3]
    assert not host.refresher.copy_error


def test_a_clock_that_was_set_back_changes_no_pin(host: Host) -> None:
    push(host, 1, 2)
    pin(host, generation=1)
    host.clocks.wall -= 86400 * 10**9
    push(host, 3)
    host.boot()
    host.poll(AWAY)
    status = host.config.status()
    assert (served(host), status.pinned) == (1, 1)
    assert status.age is not None
    assert 0 <= status.age < 86400
    unpin(host)
    push(host, 3)
    assert served(host) == 3
