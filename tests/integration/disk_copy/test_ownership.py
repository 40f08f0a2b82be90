"""Who may have written a copy that is believed (G9)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.errors import UntrustedPath
from ddbcfg_daemon.publishing.objects import Access
from support.disk_copies import OPTIONS, Host, content, ignored
from support.shm import reading

NOBODY = 65534


def _not_ours(host: Host) -> None:
    os.chown(host.file, NOBODY, -1)


def _file_of_all(host: Host) -> None:
    host.file.chmod(0o666)


def _file_of_group(host: Host) -> None:
    host.file.chmod(0o620)


def _sticky_folder(host: Host) -> None:
    host.disk.path.parent.chmod(0o1777)


def _folder_of_group(host: Host) -> None:
    host.disk.path.parent.chmod(0o770)


def _anothers_folder(host: Host) -> None:
    os.chown(host.disk.path.parent, NOBODY, -1)


def _folder_in_one_of_all(host: Host) -> None:
    host.disk.path.parent.parent.chmod(0o777)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_not_ours, f"(uid {NOBODY})"),
        (_file_of_all, "can be written by others (mode 0666)"),
        (_file_of_group, "can be written by others (mode 0620)"),
        (_sticky_folder, "can be written by others (mode 1777)"),
        (_folder_of_group, "can be written by others (mode 0770)"),
        (_anothers_folder, f"(uid {NOBODY})"),
        (_folder_in_one_of_all, "can be written by others (mode 0777)"),
    ],
)
def test_what_another_user_may_have_written_is_not_believed(
    host: Host, caplog: pytest.LogCaptureFixture, change: Callable[[Host], None], reason: str
) -> None:
    above = host.disk.path.parent.parent
    host.poll(reading(OPTIONS))
    change(host)
    try:
        assert reason in ignored(host, caplog)
        assert reason in host.refresher.copy_error
        # It serves all the same, once there is something to serve.
        host.poll(reading(OPTIONS))
        assert host.config.get("db") == OPTIONS["db"]
    finally:
        above.chmod(0o700)


def test_a_copy_by_another_user_is_replaced_by_the_next_good_poll(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.poll(reading(OPTIONS))
    _not_ours(host)
    ignored(host, caplog)
    host.poll(reading(OPTIONS))
    assert host.file.stat().st_uid == os.getuid()
    assert not host.refresher.copy_error


def test_root_that_publishes_for_the_service_leaves_a_copy_that_is_the_services(
    tmp_path: Path,
) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    names = Names("config", "prod")
    with pytest.raises(UntrustedPath, match=f"uid {NOBODY}"):
        DiskCopy(tmp_path, names).follow(content(1))
    assert not list(tmp_path.iterdir())
    copy = DiskCopy(tmp_path, names, Access(owner=NOBODY))
    for generation in (1, 2):
        copy.follow(content(generation))
    assert [file.stat().st_uid for file in tmp_path.iterdir()] == [NOBODY]
    assert copy.load() is not None


@pytest.mark.parametrize(
    "absurd",
    [
        {"generation": 1 << 63},
        {"generation": (1 << 62)},
        {"generation": 0},
        {"generation": -5},
        {"read_at": 1 << 62},
        {"read_at": -1},
    ],
)
def test_an_absurd_copy_is_ignored(
    host: Host, caplog: pytest.LogCaptureFixture, absurd: dict[str, int]
) -> None:
    wrong = {"generation": 1, "read_at": 1} | absurd
    host.disk.follow(content(**wrong))
    assert "its generation or time is out of range" in ignored(host, caplog)
    host.poll(reading(OPTIONS))
    assert host.config.generation == 1
