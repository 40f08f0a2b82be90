"""The copies of layers that a store no longer has are removed, and no other file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.disk.copy_format import Content
from ddbcfg_daemon.disk.disk_copy import DiskCopy
from ddbcfg_daemon.disk.moment import Moment
from ddbcfg_daemon.disk.other_layers import remove_other_layers

LONG = "long-" * 20  # its file's name does not show whose it is


def layer(namespace: str, store: str, number: int) -> Names:
    return Names(namespace, f"{store}\x1flayer {number:016x}")


def saved(folder: Path, names: Names) -> DiskCopy:
    copy = DiskCopy(folder, names)
    copy.save(Content({}, 1, "00" * 32, time.time_ns(), Moment.now()))
    return copy


@pytest.mark.parametrize("store", ["app", LONG])
def test_only_layers_that_the_store_no_longer_has_lose_their_copies(
    tmp_path: Path, store: str
) -> None:
    kept = layer("config", store, 1)
    mine = saved(tmp_path, Names("config", store))
    gone = [saved(tmp_path, layer("config", store, number)).path for number in (2, 3)]
    others = [
        kept,
        Names("config", f"{store}2"),
        layer("config", f"{store}2", 2),  # of another store
        layer("config2", store, 2),  # of another namespace
        Names("config", f"{store}\x1flayer"),
    ]
    paths = [saved(tmp_path, names).path for names in others]
    damaged = tmp_path / f"{layer('config', store, 4).page[1:]}.copy"
    damaged.write_bytes(b"nonsense")
    assert remove_other_layers(mine, [kept]) == 2
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in (mine.path, damaged, *paths))


def test_a_folder_that_is_gone_has_no_copies(tmp_path: Path) -> None:
    assert remove_other_layers(DiskCopy(tmp_path / "gone", Names("config", "app")), []) == 0
