"""Running the command of ``watch --exec``: whatever it does, it is bounded and reported."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ddbcfg_client.commands import hook
from ddbcfg_client.commands.hook import Hook
from ddbcfg_client.shm.status import process_start
from support.waiting import wait_until

pytestmark = pytest.mark.usefixtures("unmeasured_children")


def sh(script: str, timeout: float = 20.0) -> Hook:
    return Hook(["sh", "-c", script], timeout)


def test_a_command_reads_the_document_from_standard_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert sh("cat; echo also >&2").run(b"the document\n") == ""
    assert capsys.readouterr().err.splitlines() == [
        "ddbcfg-client:   the document",
        "ddbcfg-client:   also",
    ]


def test_a_command_that_does_not_read_a_large_document_is_no_failure() -> None:
    assert sh("exit 0").run(b"x" * 1_000_000) == ""


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["sh", "-c", "exit 3"], "it exited with 3"),
        (["sh", "-c", "kill -9 $$"], "it was killed by SIGKILL"),
        (["/etc/passwd"], "it cannot be run: Permission denied"),
        (["no-such-command-at-all"], "it cannot be run: No such file or directory"),
    ],
)
def test_a_failure_has_a_reason(command: list[str], reason: str) -> None:
    assert Hook(command, 20.0).run(b"") == reason


@pytest.mark.parametrize("closing", ["", "exec >&- 2>&-; "])
def test_a_command_that_hangs_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: str
) -> None:
    """Also if it has closed its output, and if it does not mind SIGTERM."""
    monkeypatch.setattr(hook, "_GRACE", 0.1)
    file = tmp_path / "child"
    script = f"trap '' TERM; {closing}sleep 1000 & echo $! >{file}; wait"
    began = time.monotonic()
    assert sh(script, 0.3).run(b"") == "it did not end within 0.3 s and was killed"
    assert time.monotonic() - began < 10
    child = int(file.read_text())
    wait_until(lambda: process_start(child) == 0)  # init reaps it when it likes


def test_an_interruption_while_a_command_is_ended_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM comes when the command is past its time and does not mind its own."""
    file = tmp_path / "child"

    class Interrupting(subprocess.Popen[bytes]):
        def wait(self, timeout: float | None = None) -> int:
            if timeout == hook._GRACE:
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(hook.subprocess, "Popen", Interrupting)
    script = f"trap '' TERM; sleep 1000 & echo $! >{file}; wait"
    with pytest.raises(KeyboardInterrupt):
        sh(script, 0.3).run(b"")
    child = int(file.read_text())
    wait_until(lambda: process_start(child) == 0)


def test_a_command_that_floods_is_read_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    """It neither blocks nor fills the memory or the log."""
    assert sh("yes 0123456789 | head -c 3000000").run(b"") == ""
    lines = capsys.readouterr().err.splitlines()
    assert len("".join(lines)) < 300_000
    assert lines[-1] == "ddbcfg-client:   and 2934464 bytes more of output, which are dropped"


def test_a_process_that_the_command_leaves_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``nginx`` and its like go on in the background, with the output of who started them."""
    file = tmp_path / "child"
    began = time.monotonic()
    assert sh(f"sleep 1000 & echo $! >{file}; echo done").run(b"") == ""
    assert time.monotonic() - began < 10
    assert "done" in capsys.readouterr().err
    os.kill(int(file.read_text()), signal.SIGKILL)


def test_output_cannot_forge_a_line_or_send_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert sh(r"printf 'a\033[2J\377\n'").run(b"") == ""
    assert capsys.readouterr().err == "ddbcfg-client:   a\\x1b[2J\\xff\n"
