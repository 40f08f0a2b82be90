"""The guard that keeps unit tests away from /dev/shm."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOMEWHERE = "/dev/shm/ddbcfg-nobody-has-this"


@pytest.mark.parametrize(
    "touch",
    [
        lambda: Path(SOMEWHERE).read_bytes(),
        lambda: os.open(SOMEWHERE.encode(), os.O_RDONLY),
        lambda: os.unlink(SOMEWHERE),
        lambda: os.scandir(SOMEWHERE),
        lambda: os.rename(SOMEWHERE, SOMEWHERE + "2"),
    ],
    ids=["Path", "open", "unlink", "scandir", "rename"],
)
def test_a_test_that_touches_shared_memory_is_caught(
    shm_guard: Any, touch: Callable[[], object]
) -> None:
    with pytest.raises(OSError, match="ddbcfg-nobody-has-this"):
        touch()
    assert shm_guard.touched
    shm_guard.touched.clear()


def test_other_files_may_be_touched(shm_guard: Any, tmp_path: Path) -> None:
    (tmp_path / "shm").write_text("dev")
    assert not shm_guard.touched
