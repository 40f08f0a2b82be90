"""A daemon that is killed while it pins: pinned or not, never in between (G4, G5)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ddbcfg_client.format.names import Names
from ddbcfg_daemon.publishing.page import WritablePage
from ddbcfg_daemon.publishing.semaphore import PublishingSemaphore
from support.disk_copies import Clocks, Host
from support.pinning import pin, push, served, unpin
from support.shm import objects_of

# What changes something that others see, on disk or in shared memory.
POINTS: list[tuple[Any, str]] = [
    (os, "open"),
    (os, "fsync"),
    (os, "replace"),
    (os, "unlink"),
    (os, "pwrite"),
    (WritablePage, "announce"),
    (WritablePage, "report"),
    (PublishingSemaphore, "acquire"),
    (PublishingSemaphore, "release"),
]


def killed_at(number: int, host_of: Callable[[], Host], ends: str) -> tuple[bool, bool]:
    """Pin in a child that dies before its Nth step; whether it died, and whether it responded."""
    answered, answer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            host = host_of()
            push(host, 1, 2)
            generation = host.config.generation - 1
            if ends == "unpin":
                pin(host, generation=generation)
            left = [number]
            for where, name in POINTS:
                setattr(where, name, _dying(getattr(where, name), left))
            response = unpin(host) if ends == "unpin" else pin(host, generation=generation)
            assert not response.refused
            left[0] = 100
            os.write(answer, b"yes")
        finally:
            os._exit(0)
    os.close(answer)
    _, status = os.waitpid(child, 0)
    with open(answered, "rb") as said:
        return os.WIFSIGNALED(status), said.read() == b"yes"


def _dying(real: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
    def step(*arguments: Any, **keywords: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keywords)

    return step


@pytest.mark.parametrize("ends", ["pin", "unpin"])
def test_a_daemon_killed_at_any_step_has_pinned_or_not(
    tmp_path: Path, names: Names, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    clocks = Clocks(monkeypatch)
    outcomes = set()
    number, died = 0, True
    while died:
        folder = tmp_path / str(number)
        folder.mkdir()
        make = partial(Host, folder, names, clocks, keep=3)
        died, responded = killed_at(number, make, ends)
        host = make()
        push(host, 3)
        pinned = bool(host.config.status().pinned)
        assert served(host) == (1 if pinned else 3)
        if responded:
            assert pinned is (ends == "pin")
        outcomes.add((responded, pinned))
        # And it can be decided anew.
        unpin(host)
        push(host, 4)
        assert served(host) == 4
        host.stop()
        for path in objects_of(names):
            path.unlink()
        number += 1
    assert number > 5
    assert outcomes >= {(False, ends == "unpin"), (True, ends == "pin")}
