"""sd_notify(3): what the service manager hears, and that its absence harms nobody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ddbcfg_daemon.systemd import Notifier
from support.daemon import ServiceManager


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_states_arrive_in_one_datagram(tmp_path: Path, kind: str) -> None:
    with ServiceManager(tmp_path if kind == "file" else None) as manager:
        notifier = Notifier({"NOTIFY_SOCKET": manager.address})
        notifier.send("READY=1", "STATUS=größer")
        assert manager.receive() == ["READY=1", "STATUS=größer"]
        notifier.send("STOPPING=1")
        assert manager.receive() == ["STOPPING=1"]


def test_state_of_several_lines_is_still_one_state() -> None:
    with ServiceManager() as manager:
        Notifier({"NOTIFY_SOCKET": manager.address}).send("STATUS=failed:\nREADY=1\r\n")
        assert manager.receive() == ["STATUS=failed: READY=1"]


def test_text_that_is_half_a_character_is_still_sent() -> None:
    with ServiceManager() as manager:
        Notifier({"NOTIFY_SOCKET": manager.address}).send("STATUS=bad \udcff", "WATCHDOG=1")
        assert manager.receive() == ["STATUS=bad \\udcff", "WATCHDOG=1"]


def test_a_message_is_never_longer_than_systemd_takes() -> None:
    with ServiceManager() as manager:
        Notifier({"NOTIFY_SOCKET": manager.address}).send(f"STATUS=x{'ü' * 5000}", "WATCHDOG=1")
        status, watchdog = manager.receive()
        assert watchdog == "WATCHDOG=1"
        assert len(f"{status}\n{watchdog}".encode()) in (4095, 4096)
        assert status.rstrip("ü") == "STATUS=x"


def test_a_manager_that_does_not_read_is_not_waited_for() -> None:
    with ServiceManager() as manager:
        notifier = Notifier({"NOTIFY_SOCKET": manager.address})
        sent = 0
        while notifier.send("STATUS=running", f"X={sent}"):  # as many as its queue holds
            sent += 1
        assert sent > 0
        assert manager.receive()[-1] == "X=0"
        assert notifier.send("READY=1") is True


def test_without_a_manager_nothing_is_sent() -> None:
    Notifier({}).send("READY=1")
    Notifier({"NOTIFY_SOCKET": ""}).send("READY=1")


def test_manager_that_is_gone_does_not_end_the_service(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": f"{tmp_path}/gone"}).send("READY=1")
    Notifier({"NOTIFY_SOCKET": "@ddbcfg-nobody-listens"}).send("READY=1")


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({"WATCHDOG_USEC": "180000000"}, 180.0),
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getpid())}, 180.0),
        # Meant for whoever started this process.
        ({"WATCHDOG_USEC": "180000000", "WATCHDOG_PID": str(os.getppid())}, 0.0),
    ],
)
def test_how_often_the_watchdog_wants_to_be_fed(
    environment: dict[str, str], seconds: float
) -> None:
    assert Notifier(environment).watchdog == seconds


def test_text_from_elsewhere_sends_no_escape_sequences_to_a_terminal() -> None:
    with ServiceManager() as manager:
        Notifier({"NOTIFY_SOCKET": manager.address}).send(
            "STATUS=a\x1b]0;owned\x07\rb ü", "READY=1"
        )
        assert manager.receive() == [r"STATUS=a\x1b]0;owned\x07 b ü", "READY=1"]
