"""The reference of the daemon's settings, made from their table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ddbcfg_daemon.settings.daemon_values import ROWS
from support.settings_documents import described


def settings_page() -> Iterator[str]:
    """Yield the lines of the page: each setting as flag, variable, key, default and meaning."""
    yield "# Settings of the daemon\n"
    yield "Made from the table that the daemon itself uses. [Settings](../settings.md) says which"
    yield "one wins, and how to change them while the daemon runs.\n"
    for title, rows in groupby(ROWS, key=lambda row: row.section):
        yield f"## {title[0].upper()}{title[1:]}\n"
        yield "| flag | variable | key in the file | default | |\n|---|---|---|---|---|"
        for row in rows:
            flag, variable, default, what = described(row)
            key = f"`{row.name}`" if row.in_file else ""
            yield f"| {flag} | {variable} | {key} | {default} | {what} |"
        yield ""
