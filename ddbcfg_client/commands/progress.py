"""A line on the terminal that shows that something slow is going on, and how far it is."""

from __future__ import annotations

import sys
from contextlib import contextmanager

from ddbcfg_client.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event
    from typing import TextIO

FIRST_AFTER = 1.0  # seconds: what is faster shows nothing
_EVERY = 0.5  # seconds
_ERASE = "\r\x1b[K"


@contextmanager
def progress(text: Callable[[], str]) -> Iterator[None]:
    """Show ``text()`` on standard error while the block runs; it is erased at the end.

    Nothing is shown if standard error is not a terminal, or if the block takes less than a second.
    Nothing else may be printed within the block.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from threading import Event, Thread

    ended = Event()
    thread = Thread(target=_show, args=(text, ended, sys.stderr), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _show(text: Callable[[], str], ended: Event, terminal: TextIO) -> None:
    """Show the text and the seconds until the end."""
    from time import monotonic

    began = monotonic()
    if ended.wait(FIRST_AFTER):
        return
    try:
        while True:
            line = f"{printable(text())}, {monotonic() - began:.0f} s"
            terminal.write(f"{_ERASE}{line}")
            terminal.flush()
            if ended.wait(_EVERY):
                break
        terminal.write(_ERASE)
        terminal.flush()
    except OSError:
        pass  # the terminal is gone; the work goes on
