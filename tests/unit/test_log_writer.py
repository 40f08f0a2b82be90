"""The log: no line can be forged, and nobody waits for whoever reads it (G7, G9)."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ddbcfg_client.printable import listed, printable, shown, without_passwords
from ddbcfg_daemon.change_text import changes
from ddbcfg_daemon.outputs.log_writer import LineFormatter, LogWriter

HANG = 20.0


def record(text: str, *arguments: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("ddbcfg", logging.WARNING, "", 0, text, arguments, None)
    made.__dict__.update(more)
    return made


class Log:
    """A log on a pipe."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.writer = LogWriter(self.writing)
        self.writer.setFormatter(LineFormatter(with_time=False))

    def fill(self) -> int:
        """Have no room left in the pipe; how many bytes that took."""
        os.set_blocking(self.writing, False)
        filled = 0
        try:
            while True:
                filled += os.write(self.writing, b"x" * 4096)
        except BlockingIOError:
            os.set_blocking(self.writing, True)
        return filled

    def read(self) -> list[str]:
        """All lines up to the end of the log."""
        self.writer.close()
        os.close(self.writing)
        with open(self.reading, "rb", closefd=False) as file:
            return file.read().decode().splitlines()


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    os.close(log.reading)  # what hangs in a write ends


# --- what a line says ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "\x1b[2J", "\x9b2J", "\u2028", "\u202e", "\udcff"]
)
def test_no_text_can_end_a_line_or_reach_the_terminal(text: str) -> None:
    line = LineFormatter(with_time=False).format(record("option %s", text))
    assert line.isprintable()
    assert line.startswith("WARNING option ")


def test_a_text_that_is_printable_stays_as_it_is() -> None:
    text = "größer 日本 \U0001f600 'a' \\n"
    assert printable(text) == text
    assert LineFormatter(with_time=False).format(record(text)) == f"WARNING {text}"


def test_frames_stand_indented_below_their_line() -> None:
    text = LineFormatter(with_time=False).format(record("failed", frames="  File x\n    \x1b[2J\n"))
    assert text == "WARNING failed\n      File x\n        \\x1b[2J"


def test_an_exception_that_a_library_attached_is_named_and_not_quoted() -> None:
    try:
        raise ValueError("hunter2")
    except ValueError:
        made = logging.LogRecord("botocore", logging.WARNING, "", 0, "failed", None, sys.exc_info())
    text = LineFormatter(with_time=False).format(made)
    assert text == "WARNING failed\n    (ValueError)"


def test_a_time_has_its_zone() -> None:
    line = LineFormatter(with_time=True).format(record("here"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d{4} WARNING here", line)


def test_a_line_has_an_end() -> None:
    line = LineFormatter(with_time=False).format(record("x" * 100_000))
    assert len(line) < 20_000
    assert "100008 characters" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at http://me:hunter2@host:1/x?y", "at http://***@host:1/x?y"),
        ("at https://me:hun@ter2@host", "at https://***@host"),
        ('"socks5://hunter2@h" and http://a:hunter2@b', '"socks5://***@h" and http://***@b'),
        ("http://h//a@b http://h/ me@h", "http://***@b http://h/ me@h"),
        ("arn:aws:sts::1:assumed-role/x/me@h", "arn:aws:sts::1:assumed-role/x/me@h"),
        ("http://host/", "http://host/"),
    ],
)
def test_passwords_in_urls_are_hidden(text: str, said: str) -> None:
    assert without_passwords(text) == said
    assert LineFormatter(with_time=False).format(record("%s", text)) == f"WARNING {said}"


def test_names_among_words_cannot_be_taken_for_others() -> None:
    assert [shown(name) for name in ("db", "a-b.c", "a, b", "x\n", "")] == [
        "db",
        "a-b.c",
        "'a, b'",
        "'x\\n'",
        "''",
    ]
    assert listed([f"o{number}" for number in range(10)], 2) == "o0, o1 and 8 more"
    after = {"a; removed b\nCRITICAL": b""}
    assert changes({}, after) == "; added 'a; removed b\\nCRITICAL'"


# --- who reads it --------------------------------------------------------------------------------


def test_lines_come_in_order_and_all_of_them(log: Log) -> None:
    def read() -> None:
        found.extend(log.read())

    found: list[str] = []
    thread = threading.Thread(target=read)
    for number in range(1000):
        log.writer.handle(record("line %d", number))
    thread.start()
    thread.join(HANG)
    assert found == [f"WARNING line {number}" for number in range(1000)]


def test_a_reader_that_does_not_read_holds_nobody_up_and_learns_what_it_missed(log: Log) -> None:
    filled = log.fill()
    began = time.monotonic()
    for number in range(50_000):
        log.writer.handle(record("line %d", number))
    log.writer.close()
    assert time.monotonic() - began < HANG / 2
    # Now it does.
    assert os.read(log.reading, filled) == b"x" * filled
    lines: list[str] = []
    with open(log.reading, closefd=False) as file:
        for line in file:
            lines.append(line)
            if "dropped" in line:
                break
    count = int(lines[-1].split()[1])
    assert lines[-1] == (
        f"WARNING {count} log lines were dropped: standard error was blocked or failed\n"
    )
    assert lines[:-1] == [f"WARNING line {number}\n" for number in range(len(lines) - 1)]
    assert len(lines) - 1 + count == 50_000
    assert len(lines) > 1000


def test_what_could_not_be_written_is_counted_when_it_can_be_again(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY)
    writer = LogWriter(writing)
    writer.setFormatter(LineFormatter(with_time=False))
    os.close(reading)  # EPIPE, as ENOSPC would be
    for _ in range(3):
        writer.handle(record("lost"))
    with writer._changed:
        assert writer._changed.wait_for(writer._is_idle, HANG)
    reading = os.open(fifo, os.O_RDONLY)
    writer.handle(record("here"))
    with writer._changed:
        assert writer._changed.wait_for(writer._is_idle, HANG)
    said = os.read(reading, 1000).decode().splitlines()
    assert said == [
        "WARNING 3 log lines were dropped: standard error was blocked or failed",
        "WARNING here",
    ]
    writer.close()
    os.close(reading)
    os.close(writing)


def test_a_descriptor_that_somebody_made_non_blocking_gets_every_line(log: Log) -> None:
    filled = log.fill()
    os.set_blocking(log.writing, False)
    log.writer.handle(record("here"))
    assert len(os.read(log.reading, filled)) == filled
    assert os.read(log.reading, 100) == b"WARNING here\n"


def test_a_record_that_cannot_be_made_a_line_is_counted(log: Log) -> None:
    log.writer.handle(record("%d", "no number"))
    assert log.read() == ["WARNING 1 log lines were dropped: standard error was blocked or failed"]


def test_a_text_made_for_it_takes_no_long_time() -> None:
    began = time.process_time()
    for text in ("@" + "//" * 500_000, "//" * 500_000 + "@", "@//" * 300_000, "\x1b" * 100_000):
        LineFormatter(with_time=False).format(record("%s", text))
    assert time.process_time() - began < 5
