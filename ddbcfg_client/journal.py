"""Lines for systemd's journal, which adds the time, and takes priorities as in sd-daemon(3)."""

from __future__ import annotations

import logging
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
_DEBUG = 7


def is_journal(fd: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether what is written to the descriptor goes to the journal.

    JOURNAL_STREAM is inherited, also by a program whose standard error is a file, so it has the
    device and inode for comparison.
    """
    stream = environment.get("JOURNAL_STREAM", "")
    if not stream:
        return False
    try:
        stat = os.fstat(fd)
    except OSError:  # it is closed
        return False
    return stream == f"{stat.st_dev}:{stat.st_ino}"


def with_priority(text: str, level: int) -> str:
    """Return the text with the level's priority before each line, as each becomes an entry."""
    priority = next((number for least, number in _PRIORITIES if level >= least), _DEBUG)
    return "\n".join(f"<{priority}>{line}" for line in text.split("\n"))
