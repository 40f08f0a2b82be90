"""Lines for systemd's journal have a priority, so that ``journalctl -p err`` finds errors."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from ddbcfg_client.commands.output import complain
from ddbcfg_client.journal import is_journal
from ddbcfg_daemon.outputs.json_lines import JsonFormatter
from ddbcfg_daemon.outputs.log_writer import LineFormatter, LogWriter, choose_log
from ddbcfg_daemon.settings.parsing import parse


class Journal:
    """A pipe that JOURNAL_STREAM names, as systemd does for a unit's standard error."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, other: int = 0) -> None:
        self.reading, self.writing = os.pipe()
        stat = os.fstat(self.writing)
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino + other}")
        self.writer = LogWriter(self.writing)
        self.writer.setFormatter(LineFormatter(with_time=False))

    def handle(self, level: int, text: str, **more: object) -> None:
        record = logging.LogRecord("ddbcfg", level, "", 0, text, None, None)
        record.__dict__.update(more)
        self.writer.handle(record)

    def wait_until_written(self) -> None:
        """Return when the writer's thread waits for lines."""
        with self.writer._changed:
            assert self.writer._changed.wait_for(self.writer._is_idle, 20)

    def lines(self) -> list[str]:
        self.writer.close()
        os.close(self.writing)
        with open(self.reading, encoding="utf-8") as file:
            return file.read().splitlines()


def test_each_line_has_the_priority_of_its_level(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(monkeypatch)
    journal.handle(logging.DEBUG, "a")
    journal.handle(logging.INFO, "b")
    journal.handle(logging.WARNING, "c")
    journal.handle(logging.ERROR, "d")
    journal.handle(logging.CRITICAL, "e", frames="File x\nFile y")
    journal.writer.end("no table")
    assert journal.lines() == [
        "<7>DEBUG a",
        "<6>INFO b",
        "<4>WARNING c",
        "<3>ERROR d",
        "<2>CRITICAL e",
        "<2>    File x",
        "<2>    File y",
        "<3>ddbcfg-daemon: no table",
    ]


def test_json_has_it_too_before_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal takes it away, so its message is the object alone."""
    journal = Journal(monkeypatch)
    journal.writer.setFormatter(JsonFormatter())
    journal.handle(logging.ERROR, "a")
    journal.writer.end("no table")
    assert [line[:4] for line in journal.lines()] == ["<3>{", "<3>{"]


def test_lines_that_were_dropped_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(monkeypatch)
    journal.handle(logging.INFO, "a")
    journal.wait_until_written()
    journal.writer.setFormatter(logging.Formatter("%(message)s"))
    journal.handle(logging.INFO, "x" * 300_000)  # more than the queue, which is empty
    [first, notice] = journal.lines()
    assert first == "<6>INFO a"
    assert notice.startswith("<4>1 log lines were dropped")


def test_another_file_than_the_journal_has_times_and_no_priorities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program inherits JOURNAL_STREAM, also if its standard error is a file."""
    journal = Journal(monkeypatch, other=1)
    logging.getLogger().addHandler(journal.writer)
    try:
        choose_log("INFO", "text")
        journal.handle(logging.INFO, "a")
    finally:
        logging.getLogger().removeHandler(journal.writer)
    [line] = journal.lines()
    assert line.endswith(" INFO a")
    assert line[:4].isdigit()


def test_a_closed_descriptor_is_no_journal() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    assert not is_journal(writing, {"JOURNAL_STREAM": "8:1"})


@pytest.mark.parametrize("line", ["interval = 'x'", "x = 1", None])
def test_a_wrong_setting_that_prevents_the_start_is_an_error(
    line: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    stat = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
    file = tmp_path / "ddbcfg.toml"
    file.write_text(line or "")
    with pytest.raises(SystemExit):
        parse([f"--config={file}"], {})
    *_, last = capfd.readouterr().err.splitlines()
    assert last.startswith("<3>ddbcfg-daemon: ")


@pytest.mark.parametrize("other", [0, 1], ids=["journal", "another file"])
def test_what_a_unit_of_the_client_complains_about_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, other: int
) -> None:
    journal = Journal(monkeypatch, other)
    with os.fdopen(os.dup(journal.writing), "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        complain("config/prod: DynamoDB does not respond")
    priority = "" if other else "<4>"
    assert journal.lines() == [f"{priority}ddbcfg-client: config/prod: DynamoDB does not respond"]
