"""Unit tests touch no /dev/shm: a test that does fails, and belongs in another folder.

They are not watched while coverage is measured.  It sets a trace function in each thread, and
CPython 3.11 refuses one if another thread is just setting its own: the audit hook, which is Python
code, is where that other thread can be paused.  ``make quick`` watches them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

SHM_DIR = "/dev/shm"


class ShmGuard:
    """What a test did in /dev/shm, while it is watched; an audit hook cannot be removed again."""

    def __init__(self) -> None:
        self.watching = False
        self.touched: list[str] = []

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.watching and event.startswith(("open", "os.", "shutil.", "socket.")):
            self.touched += [f"{event} {path}" for path in arguments if is_shm(path)]


def is_shm(path: object) -> bool:
    if isinstance(path, (str, bytes, os.PathLike)):
        return os.fsdecode(path).startswith(SHM_DIR)
    return False


@pytest.fixture(scope="session")
def shm_guard() -> ShmGuard:
    """The one guard of this process."""
    if sys.gettrace() is not None:
        pytest.skip("coverage is measured: make quick has the guard")
    guard = ShmGuard()
    sys.addaudithook(guard)
    return guard


@pytest.fixture(autouse=True)
def _no_shm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test if it, or a fixture that it asks for, touches /dev/shm."""
    if sys.gettrace() is not None:
        yield
        return
    shm_guard: ShmGuard = request.getfixturevalue("shm_guard")
    shm_guard.touched.clear()
    shm_guard.watching = True
    yield
    shm_guard.watching = False
    if shm_guard.touched:
        pytest.fail(f"belongs in another folder, for it touches /dev/shm: {shm_guard.touched[:5]}")
