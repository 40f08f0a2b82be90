"""Workers of pytest-xdist: each has a /dev/shm of its own.

Many tests are about all stores of a host, so two of them cannot share one.
"""

from __future__ import annotations

import pytest

from support.namespaces import mount_for_us


def pytest_configure(config: pytest.Config) -> None:
    """Mount an empty /dev/shm that only this worker and its children see."""
    if not hasattr(config, "workerinput"):
        return
    try:
        mount_for_us(b"tmpfs", b"/dev/shm", b"mode=1777")
    except OSError as error:
        text = f"only root can run tests at once, each worker in a /dev/shm of its own: {error}"
        raise pytest.UsageError(text) from None
