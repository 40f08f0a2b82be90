"""The workers that run the tests lose no time between two tests."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.workers import LONGEST, rerun_socket


def test_a_worker_asks_about_reruns_without_delay(pytestconfig: pytest.Config) -> None:
    """Only make test and CI run tests in workers, with reruns."""
    asking = rerun_socket(pytestconfig)
    if asking is None:
        pytest.skip("this process is no worker that runs failed tests again")
    assert asking.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("name", LONGEST)
def test_the_files_that_come_first_are_there(name: str) -> None:
    assert (Path(__file__).parents[1] / name).is_file()
