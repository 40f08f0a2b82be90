"""The table of ``ddbcfg-client status``: one line a store, and the reasons below it."""

from __future__ import annotations

import os
import sys

from ddbcfg_client.commands.condition import (
    DEAD,
    EMPTY,
    FAILING,
    FRESH,
    HELD,
    IN_DOUBT,
    PINNED,
    STALE,
    UNREADABLE,
    condition_of,
)
from ddbcfg_client.commands.status_text import age_text
from ddbcfg_client.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ddbcfg_client.format.names import Names
    from ddbcfg_client.shm.status import Status

_HEAD = ("STORE", "STATE", "GENERATION", "AGE", "OPTIONS", "DAEMON")
_TO_THE_RIGHT = (2, 4)  # columns of numbers

_GREEN, _YELLOW, _RED = "32", "33", "31"
_COLOURS = {
    FRESH: _GREEN,
    PINNED: _YELLOW,
    HELD: _YELLOW,
    IN_DOUBT: _YELLOW,
    FAILING: _RED,
    STALE: _RED,
    EMPTY: _RED,
    DEAD: _RED,
    UNREADABLE: _RED,
}


def table(stores: Sequence[tuple[Names, Status | None]], *, colour: bool = False) -> str:
    """Return the table of these stores; one without a Status cannot be read.

    The reasons of those that are not fresh follow.  The colour repeats what the word says.
    """
    rows, words, reasons = [], [], []
    for names, status in stores:
        name = printable(f"{names.namespace}/{names.store}")
        word, reason = (UNREADABLE, "") if status is None else condition_of(status)
        rows.append((name, word, *_cells(status)))
        words.append(word)
        if reason:
            reasons.append(f"{name} is {word}: {printable(reason)}")
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    lines = [_line(_HEAD, widths)]
    for row, word in zip(rows, words, strict=True):
        lines.append(_line(row, widths, _COLOURS[word] if colour else ""))
    return "\n".join([*lines, *([""] if reasons else []), *reasons])


def colour_wanted() -> bool:
    """Return whether to use colour: on a terminal, unless NO_COLOR is set (no-color.org)."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def _cells(status: Status | None) -> tuple[str, ...]:
    if status is None:
        return "-", "-", "-", "-"
    daemon = "file" if status.file else "replaced" if status.replaced else status.daemon
    if not status.generation:
        return "-", "-", "-", daemon
    return str(status.generation), age_text(status.age), str(status.options), daemon


def _line(cells: Sequence[str], widths: Sequence[int], colour: str = "") -> str:
    """Return the cells at these widths; the second one, the state, in this colour."""
    texts = [
        cell.rjust(width) if number in _TO_THE_RIGHT else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    if colour:
        texts[1] = f"\x1b[{colour}m{texts[1]}\x1b[0m"
    return "  ".join(texts).rstrip()
