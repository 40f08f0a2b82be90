"""Workers of pytest-xdist: each has a /dev/shm of its own.

Many tests are about all stores of a host, so two of them cannot share one.
"""

from __future__ import annotations

import socket

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


def pytest_sessionstart(session: pytest.Session) -> None:
    """Send each message of pytest-rerunfailures at once.

    Before each test it sends one that gets no response, and then one that does.  TCP keeps the
    second until the first is acknowledged, which takes 40 ms: minutes in all.
    """
    if (asking := rerun_socket(session.config)) is not None:
        asking.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def rerun_socket(config: pytest.Config) -> socket.socket | None:
    """Return what a worker asks through how often a test failed; None if it is no worker."""
    if not hasattr(config, "workerinput"):
        return None
    return getattr(getattr(config, "failures_db", None), "sock", None)
