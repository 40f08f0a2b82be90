"""A line on the terminal that shows the progress of slow work."""

from __future__ import annotations

import sys
from contextlib import contextmanager

from ddbcfg_client.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event, Lock
    from typing import TextIO

FIRST_AFTER = 1.0  # seconds: what is faster shows nothing
_EVERY = 0.5  # seconds
_ERASE = "\r\x1b[K"


class _Line:
    """The terminal's last line; hold ``lock`` to write on the terminal."""

    def __init__(self, terminal: TextIO, lock: Lock) -> None:
        self.terminal = terminal
        self.lock = lock
        self.shown = False

    def write(self, text: str) -> None:
        """Show this instead; an empty text erases the line."""
        self.terminal.write(f"{_ERASE}{text}")
        self.terminal.flush()
        self.shown = bool(text)


_lines: list[_Line] = []  # the one that is in use, if any


@contextmanager
def progress(text: Callable[[], str]) -> Iterator[None]:
    """Show ``text()`` on standard error while the block runs; it is erased at the end.

    Nothing is shown if standard error is not a terminal, or if the block takes less than a second.
    Other output of the block must be printed within ``aside``.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from threading import Event, Lock, Thread

    ended, line = Event(), _Line(sys.stderr, Lock())
    thread = Thread(target=_show, args=(text, ended, line), daemon=True)
    thread.start()
    _lines.append(line)
    try:
        yield
    finally:
        _lines.remove(line)
        ended.set()
        thread.join()


@contextmanager
def aside() -> Iterator[None]:
    """Erase the line, if one is shown, so that the block can print; it comes back after it."""
    if not _lines:
        yield
        return
    line = _lines[-1]
    with line.lock:
        try:
            if line.shown:
                line.write("")
        except OSError:
            pass  # the terminal is gone
        yield


def _show(text: Callable[[], str], ended: Event, line: _Line) -> None:
    """Show the text and the seconds until the end."""
    from time import monotonic

    began = monotonic()
    if ended.wait(FIRST_AFTER):
        return
    try:
        while True:
            with line.lock:
                line.write(f"{printable(text())}, {monotonic() - began:.0f} s")
            if ended.wait(_EVERY):
                break
        with line.lock:
            line.write("")
    except OSError:
        pass  # the terminal is gone; the work continues
