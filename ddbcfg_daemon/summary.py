"""The state of a store in one phrase, for the status line of the service."""

from __future__ import annotations

import time

from ddbcfg_client.format.page import NEVER, PageStatus
from ddbcfg_client.printable import counted
from ddbcfg_client.snapshot import Snapshot


def summary_of(
    label: str, generation: int, snapshot: Snapshot | None, status: PageStatus, copy_error: str
) -> str:
    """Return the state of the store ``label``: what it serves, and what is wrong with it."""
    options = 0 if snapshot is None else len(snapshot)
    text = f"{label}: generation {generation}, {counted(options, 'option')}"
    if status.pinned:
        text += f", PINNED to the content of generation {status.pinned} since "
        text += _time(status.pinned_since)
        text += f" by {status.pinned_by}" if status.pinned_by else ""
    if status.held:
        text += f", held since {_time(status.held_since)}: {status.held}"
    if status.doubt_since != NEVER:
        text += f", in doubt: {status.note or 'no revision proves it yet'}"
    if status.error:
        text += f", {counted(status.failures, 'failed poll')}: {status.error}"
    return f"{text}, {copy_error}" if copy_error else text


def _time(nanoseconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(nanoseconds / 1e9))
