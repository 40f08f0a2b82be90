"""The log on standard error, written by its own thread.

The reader of a pipe may stop reading, and the disk of a file may be full.  Neither a poll nor the
shutdown waits for that: lines wait in a bounded queue; if it is full, they are dropped and counted.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from typing import Any

from ddbcfg_client.journal import is_journal, with_priority
from ddbcfg_client.printable import printable, without_passwords

_MOST = 256 * 1024  # bytes in the queue
_LONGEST = 16 * 1024  # characters of a line
_PATIENCE = 1.0  # seconds that close() waits for a reader that does not read


class LineFormatter(logging.Formatter):
    """Formats each record as one line, even if its text contains line breaks.

    A record with ``extra={"frames": text}`` has the lines of the text below it, each indented.
    """

    def __init__(self, with_time: bool) -> None:
        super().__init__(f"{'%(asctime)s ' if with_time else ''}%(levelname)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Return the local time with its zone."""
        moment = time.localtime(record.created)
        text = time.strftime("%Y-%m-%d %H:%M:%S", moment)
        return f"{text}.{int(record.msecs):03d}{time.strftime('%z', moment)}"

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """Return the class name of the exception that a library has attached to its record.

        The text is left out: it can quote passwords or the output of a source of credentials.  The
        error of the failed poll says what an operator needs.
        """
        return f"    ({ei[0].__name__})" if ei and ei[0] else ""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the record's line."""
        text = printable(without_passwords(super().formatMessage(record)))
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]} … ({len(text)} characters)"
        frames = getattr(record, "frames", "")
        return "\n    ".join((text, *map(printable, frames.splitlines())))


class LogWriter(logging.Handler):
    """Writes log lines to a descriptor; the caller never waits."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd
        #: Whether the lines go to systemd's journal.
        self.journal = is_journal(fd)
        self._lines: list[bytes] = []
        self._size = 0
        self._count = 0  # lines in the queue, including the dropped ones that its notices count
        self._dropped = 0  # lines dropped since the last line in the queue
        self._writing = False
        self._ended = False
        self._torn = False  # whether the last write ended within a line
        self._changed = threading.Condition()
        threading.Thread(target=self._write_on, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line."""
        try:
            self._put(self.format(record), record.levelno)
        except Exception:  # noqa: BLE001 - a line that cannot be formatted must not end a poll
            with self._changed:
                self._dropped += 1
                self._changed.notify_all()

    def _put(self, line: str, level: int) -> None:
        """Queue a formatted line."""
        raw = self._raw(line, level)
        with self._changed:
            if self._size + len(raw) > _MOST:
                self._dropped += 1
                self._changed.notify_all()  # one line can be too long for an empty queue
                return
            if self._dropped:
                raw = self._notice(self._dropped) + raw
                self._count += self._dropped
                self._dropped = 0
            self._count += 1
            self._lines.append(raw)
            self._size += len(raw)
            self._changed.notify_all()

    def end(self, reason: str) -> None:
        """Queue the reason why the daemon ends; as text, like that of any other program."""
        if isinstance(self.formatter, LineFormatter):
            line = printable(without_passwords(f"ddbcfg-daemon: {reason}"))
        else:
            line = self.format(_record(logging.ERROR, reason, "failed"))
        self._put(line, logging.ERROR)

    def close(self) -> None:
        """Wait until all lines are written, for at most a second."""
        if not self._ended:
            self._ended = True
            with self._changed:
                self._changed.wait_for(self._is_idle, _PATIENCE)
        super().close()

    def _is_idle(self) -> bool:
        return not (self._lines or self._dropped or self._writing)

    def _notice(self, dropped: int) -> bytes:
        text = f"{dropped} log lines were dropped: standard error was blocked or failed"
        return self._raw(
            self.format(_record(logging.WARNING, text, "log_dropped")), logging.WARNING
        )

    def _raw(self, line: str, level: int) -> bytes:
        text = with_priority(line, level) if self.journal else line
        return f"{text}\n".encode("utf-8", "backslashreplace")

    def _write_on(self) -> None:
        failed = 0
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._lines or self._dropped)
                self._writing = True
                lines, count, dropped = self._lines, self._count, self._dropped
                self._lines, self._count, self._dropped, self._size = [], 0, 0, 0
            try:
                raw = b"".join(lines)
                if failed:
                    # If the space ran out, the last write may have ended within a line.
                    raw = b"\n" * self._torn + self._notice(failed) + raw
                if dropped:
                    raw += self._notice(dropped)
                self._write(raw)
            except (OSError, MemoryError):  # the reader is gone, or there is no space
                failed += count + dropped
            else:
                failed = 0

    def _write(self, raw: bytes) -> None:
        done = 0
        try:
            while done < len(raw):
                try:
                    done += os.write(self._fd, memoryview(raw)[done:])
                except BlockingIOError:  # another process that shares it set O_NONBLOCK
                    select.select([], [self._fd], [])
        finally:
            if done:
                self._torn = raw[done - 1 : done] != b"\n"


def _record(level: int, text: str, event: str) -> logging.LogRecord:
    record = logging.LogRecord("ddbcfg.daemon", level, "", 0, text, None, None)
    record.event = event
    return record


def set_up_logging(level: str, style: str) -> LogWriter:
    """Send all log records to standard error, as ``choose_log`` says; return the handler."""
    _open_standard_descriptors()
    handler = LogWriter(2)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    logging.captureWarnings(True)  # Python would write them to standard error and could block
    choose_log(level, style)
    return handler


def choose_log(level: str, style: str) -> None:
    """Log from this level on, and in this format, text or json, from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogWriter):
            handler.setFormatter(_formatter(style, handler.journal))
    logging.getLogger("ddbcfg").setLevel(level)


def _formatter(style: str, journal: bool) -> logging.Formatter:
    if style == "json":
        from ddbcfg_daemon.outputs.json_lines import JsonFormatter

        return JsonFormatter()
    # The journal adds the time itself.
    return LineFormatter(with_time=not journal)


def _open_standard_descriptors() -> None:
    """Open descriptors 0, 1 and 2 if closed: a segment could get the number of standard error."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # uses the lowest free number
