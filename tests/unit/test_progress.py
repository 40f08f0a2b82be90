"""The line that shows progress: on a terminal only, after a second only, and gone at the end."""

from __future__ import annotations

import io
import sys
from threading import Event

import pytest

from ddbcfg_client.commands import progress as module
from ddbcfg_client.commands.progress import progress
from ddbcfg_client.commands.waiting import waiting_for
from ddbcfg_client.dynamodb.revision.item import Pending

PATIENCE = 20.0


class Terminal(io.StringIO):
    """Says when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.written.set()


class Gone(Terminal):
    """A terminal whose window was closed."""

    def write(self, text: str) -> int:
        self.written.set()
        raise OSError(5, "Input/output error")


def test_what_takes_longer_is_shown_and_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress(lambda: "reading \x1b[2J"):
        assert terminal.written.wait(PATIENCE)
    assert terminal.getvalue() == "\r\x1b[Kreading \\x1b[2J, 0 s\r\x1b[K"


def test_a_message_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import that a command waits for is named while the line is shown."""
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    report = waiting_for("config/prod")
    with progress(lambda: "reading"):
        assert terminal.written.wait(PATIENCE)
        report(Pending("token", "Ann"))
    shown, message, *_ = terminal.getvalue().split("\r\x1b[K")[1:]
    assert shown == "reading, 0 s"
    assert message.startswith("ddbcfg-client: config/prod: an import, 'revision enable' or ")
    assert message.endswith("\n")


def test_what_is_fast_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", PATIENCE)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress(lambda: "reading"):
        pass
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_without_a_terminal_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)

    def text() -> str:
        raise AssertionError

    with progress(text):
        pass
    monkeypatch.setattr(sys, "stderr", None)
    with progress(text):
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_that_is_gone_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_AFTER", 0.0)
    monkeypatch.setattr(sys, "stderr", Gone())
    with progress(lambda: "reading"):
        assert sys.stderr.written.wait(PATIENCE)  # type: ignore[attr-defined]


def test_an_error_passes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(KeyError), progress(lambda: "reading"):
        raise KeyError
