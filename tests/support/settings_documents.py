"""The documents that are made from the table of settings; ``make settings`` writes them.

python -m support.settings_documents
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ddbcfg_daemon.settings.daemon_values import DAEMON_ROWS, ROWS
from ddbcfg_daemon.settings.kinds import FILE_TYPES
from ddbcfg_daemon.settings.row import Row
from ddbcfg_daemon.settings.store_values import STORE_ROWS

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 100


def table(rows: Iterable[Row]) -> Iterator[str]:
    """The table of these settings in docs/settings.md."""
    yield "| flag | variable | default | |"
    yield "|---|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(described(row))} |"


def described(row: Row) -> tuple[str, str, str, str]:
    """The flag, the variable, the default and the meaning of a setting, as Markdown."""
    flag = row.flag if row.switch else f"{row.flag} {row.metavar}"
    what = row.help + (f". {row.more}" if row.more else "")
    default = row.default_is or (f"`{row.default}`" if row.default else "")
    return f"`{flag}`", f"`{row.variable}`", default, marked_up(what)


def marked_up(text: str) -> str:
    """Text with flags and extras as code, and documents as links from one beside them."""
    text = re.sub(r"--[a-z-]+|ddbcfg\[\w+\]|\w+=", r"`\g<0>`", text)
    return re.sub(r"docs/(\w+\.md)", r"[\1](\1)", text)


def tables() -> Iterator[str]:
    """All settings, as docs/settings.md has them."""
    yield "### Of each store\n"
    yield from table(STORE_ROWS)
    yield "\n### Of the daemon\n"
    yield from table(DAEMON_ROWS)


def example() -> Iterator[str]:
    """The settings of the example environment file."""
    for section, rows in groupby(ROWS, key=lambda row: row.section):
        yield f"# --- {section} ".ljust(WIDTH, "-") + "\n"
        yield from (line for row in rows if not row.by_hand for line in _variable(row))
        yield ""


def _variable(row: Row) -> Iterator[str]:
    yield from _comment(row)
    yield f"{'' if row.required else '#'}{row.variable}={row.default}"


def _comment(row: Row) -> Iterator[str]:
    sentences = [f"{row.help[0].upper()}{row.help[1:]}."]
    if row.more:
        sentences.append(row.more)
    if row.default_is:
        sentences.append(f"By default: {row.default_is}.")
    if row.required:
        sentences.append("It must be set.")
    comment = textwrap.wrap(" ".join(sentences), WIDTH - 2, break_on_hyphens=False)
    yield from (f"# {line}" for line in comment)


def file() -> Iterator[str]:
    """The settings of the example file: those of every store, and those of the daemon."""
    for section, rows in groupby(ROWS, key=lambda row: row.section):
        mine = [row for row in rows if row.in_file]
        if mine:
            yield f"# --- {section} ".ljust(WIDTH, "-") + "\n"
            yield from (line for row in mine for line in _key(row))
            yield ""


def _key(row: Row) -> Iterator[str]:
    yield from _comment(row)
    text = row.default or ("0" if int in FILE_TYPES.get(row.kind, ()) else "")
    if row.switch:
        text = "false" if row.default == "no" else "true"
    elif str in FILE_TYPES.get(row.kind, (str,)):
        text = f'"{row.default}"'
    yield f"#{row.name} = {text}"


class Document:
    """A file with a generated part between two lines that stay."""

    def __init__(self, path: str, first: str, last: str, lines: Iterator[str]) -> None:
        self.path = ROOT / path
        self._first = first
        self._last = last
        self._lines = list(lines)

    def text(self) -> str:
        """The whole file as it should be."""
        before, first, rest = self.path.read_text().partition(self._first)
        _, last, after = rest.partition(self._last)
        assert first, f"{self.path} has no {self._first!r}"
        assert last, f"{self.path} has no {self._last!r}"
        return "".join([before, first, "\n\n", "\n".join(self._lines), "\n", last, after])


TABLES = Document(
    "docs/settings.md",
    "<!-- The tables are written by make settings. -->",
    "\n<!-- End of the tables. -->",
    tables(),
)
EXAMPLE = Document(
    "systemd/daemon.env.example",
    "DDBCFG_ENDPOINT_URL is --endpoint-url.",
    "# --- credentials",
    example(),
)
FILE = Document(
    "systemd/ddbcfg.toml.example",
    "# is the key in capitals after DDBCFG_, as in DDBCFG_INTERVAL.",
    "# --- stores",
    file(),
)


if __name__ == "__main__":
    for document in (TABLES, EXAMPLE, FILE):
        document.path.write_text(document.text())
