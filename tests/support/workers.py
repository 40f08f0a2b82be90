"""Workers of pytest-xdist: each has a /dev/shm of its own.

Many tests are about all stores of a host, so two of them cannot share one.
"""

from __future__ import annotations

import socket
from collections import Counter

import pytest

from support.namespaces import mount_for_us

#: The files of few tests that take 10 s or more, the longest first.  The others come after them,
#: those with the most tests first.
LONGEST = (
    "servers/test_web_servers.py",
    "races/test_never_torn.py",
    "races/test_between_any_two_lines.py",
    "integration/test_credentials.py",
    "model/test_protocol.py",
    "crash/test_chaos.py",
    "servers/examples/test_examples.py",
    "servers/examples/test_guide.py",
    "races/test_revisions.py",
    "integration/test_poll_timeout.py",
    "integration/test_daemon_credentials.py",
    "integration/test_two_pid_namespaces.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Mount an empty /dev/shm that only this worker and its children see."""
    if not hasattr(config, "workerinput"):
        return
    try:
        mount_for_us(b"tmpfs", b"/dev/shm", b"mode=1777")
    except OSError as error:
        text = f"only root can run tests at once, each worker in a /dev/shm of its own: {error}"
        raise pytest.UsageError(text) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that no worker is left with one of them at the end."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)
    places = {path: number for number, path in enumerate(sizes)}
    ranks = {config.rootpath / "tests" / name: rank for rank, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> tuple[int, int, int]:
        rank = ranks.get(item.path, len(ranks))
        return rank, -sizes[item.path], places[item.path]

    items.sort(key=place)


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
